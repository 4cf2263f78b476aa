#define _GNU_SOURCE
#include "CPseudoTerminals.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

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
