// producer - a step's executable that prints 1 GiB of lines of 80 bytes, whatever its arguments are.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 80, LINES = 800, BLOCK = LINE * LINES };

int main(void) {
    static char block[BLOCK];
    for (int line = 0; line < LINES; line++) {
        char *text = block + line * LINE;
        memset(text, '.', LINE - 1);
        int length = snprintf(text, LINE, "Get:%d http://deb.example.org/debian stable/main amd64 package ", line);
        text[length] = '.'; // in the place of the terminating zero
        text[LINE - 1] = '\n';
    }
    size_t left = (size_t)1 << 30;
    while (left > 0) {
        size_t length = left < BLOCK ? left : BLOCK;
        for (size_t done = 0; done < length;) {
            ssize_t written = write(STDOUT_FILENO, block + done, length - done);
            if (written <= 0) return 1;
            done += (size_t)written;
        }
        left -= length;
    }
    return 0;
}
