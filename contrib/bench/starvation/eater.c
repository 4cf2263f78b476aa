// eater MIB PASSES - takes that much anonymous memory and writes to each cache line of it, so many times.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { PIECE = 1 << 20 };

static void fail(void) {
    perror("eater");
    exit(1);
}

int main(int count, char **arguments) {
    if (count != 3) return 2;
    size_t size = strtoull(arguments[1], NULL, 10) << 20;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail();
    // Not page by page: a page fault takes 140 us in User Mode Linux, which would be most of what is measured.
    for (size_t at = 0; at < size; at += PIECE) {
        if (madvise(memory + at, size - at < PIECE ? size - at : PIECE, MADV_POPULATE_WRITE) != 0) fail();
    }
    for (int pass = atoi(arguments[2]); pass > 0; pass--) {
        for (size_t at = 0; at < size; at += 64) ((volatile char *)memory)[at]++;
    }
    return 0;
}
