#define _GNU_SOURCE
#include "CStreams.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

int clx_pipe(int *read_end, int *write_end) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    // The other end is the child's standard output, which must block: most programs do not expect EAGAIN.
    if (fcntl(ends[0], F_SETFL, O_RDONLY | O_NONBLOCK) < 0) {
        int saved = errno;
        close(ends[0]);
        close(ends[1]);
        errno = saved;
        return -1;
    }
    *read_end = ends[0];
    *write_end = ends[1];
    return 0;
}

int clx_terminal_open(int *controller, int *peer, unsigned short rows, unsigned short columns) {
    int opened = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0) return -1;
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    int unlocked = 0, other = -1;
    // The peer by ioctl (Linux 4.13): right in another mount namespace too, where /dev/pts is somebody else's.
    if (ioctl(opened, TIOCSPTLCK, &unlocked) < 0 || ioctl(opened, TIOCSWINSZ, &size) < 0 ||
        (other = ioctl(opened, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
        int saved = errno;
        close(opened);
        errno = saved;
        return -1;
    }
    *controller = opened;
    *peer = other;
    return 0;
}
