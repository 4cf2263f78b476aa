// compiler - a step's executable that works as a build does: 100,000 lines, each written by itself after some computing.
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { LINES = 100000, ROUNDS = 20000 }; // some 40 µs a line

int main(void) {
    uint64_t state = 88172645463325252;
    for (int line = 0; line < LINES; line++) {
        for (int round = 0; round < ROUNDS; round++) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        char text[128];
        int length = snprintf(
            text, sizeof text, "[%6d/%d] Building CXX object src/CMakeFiles/target.dir/unit-%016llx.cpp.o\n", line + 1,
            LINES, (unsigned long long)state);
        if (write(STDOUT_FILENO, text, (size_t)length) != length) return 1;
    }
    return 0;
}
