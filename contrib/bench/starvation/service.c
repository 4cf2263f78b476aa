// service [OPTION]... DIRECTORY SAMPLES - the service that updates must not starve: an open loop of requests, and one of
// synced writes, until SIGTERM. Then it writes a line for each to SAMPLES: what it was (`request` or `sync`), when it was
// due and how long after that it was done, in microseconds (CLOCK_MONOTONIC).
//
//   service calibrate MICROSECONDS - prints the iterations that take so long on a CPU of their own.
//
//   -c ITERATIONS  of CPU work for each request (calibrate)
//   -r RATE        requests a second (default 100)
//   -s RATE        synced writes of 4 KiB a second to a file in DIRECTORY (default 20; 0: none)
//   -w MIB         a working set of that size in DIRECTORY/working-set, which must exist; read through the page cache
//   -p PAGES       of it that each request reads, at random (default 0)
//   -b FROM,FOR,RATE  a burst: from FROM seconds on, for FOR seconds, so many requests a second
//
// Latency counts from the moment a request was due, not from when the service came to it: whoever waits behind a late
// one is late as well. A request arrives at a random moment of the first half of its slot. Strictly periodic ones would
// keep step with the timer tick of the kernel, and then always or never meet it.
//
// Prints "ready" once the working set has been read, and when the first request is due (in microseconds).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, SAMPLES_LIMIT = 1 << 20, LOG_PAGES = 256, CALIBRATIONS = 50 };

struct sample {
    int64_t due; // ns
    uint32_t late; // us
};

struct loop {
    const char *name;
    double rate; // a second
    void (*serve)(void);
    uint64_t random;
    struct sample *samples;
    size_t count;
};

static volatile sig_atomic_t stopped;
static int64_t start;
static struct {
    int64_t from, to; // ns after the start
    double rate;
} burst;
static uint64_t iterations;
static int log_file = -1, working_set = -1;
static uint64_t set_pages;
static int pages_each;
static volatile uint64_t sink;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

// xorshift64 (Marsaglia 2003). A chain of dependent steps without memory: a CPU's time and nothing else.
static uint64_t next_random(uint64_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void compute(uint64_t count) {
    uint64_t state = 88172645463325252;
    while (count--) next_random(&state);
    sink = state;
}

static void serve_request(void) {
    static uint64_t random = 42;
    char page[PAGE];
    compute(iterations);
    for (int number = 0; number < pages_each; number++) {
        off_t offset = (off_t)(next_random(&random) % set_pages) * PAGE;
        if (pread(working_set, page, PAGE, offset) != PAGE) fail("the working set");
    }
}

static void serve_sync(void) {
    static char record[PAGE];
    static int number;
    if (pwrite(log_file, record, PAGE, (off_t)(number++ % LOG_PAGES) * PAGE) != PAGE || fdatasync(log_file) != 0) {
        fail("the synced file");
    }
}

static double rate_at(const struct loop *loop, int64_t time) {
    bool in_burst = loop->serve == serve_request && time >= start + burst.from && time < start + burst.to;
    return in_burst ? burst.rate : loop->rate;
}

static void wait_until(int64_t time) {
    struct timespec when = {time / 1000000000, time % 1000000000};
    while (!stopped && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) continue;
}

static void *run_loop(void *argument) {
    struct loop *loop = argument;
    prctl(PR_SET_TIMERSLACK, 1);
    for (int64_t slot = start; loop->count < SAMPLES_LIMIT;) {
        int64_t length = (int64_t)(1e9 / rate_at(loop, slot));
        int64_t due = slot + (int64_t)(next_random(&loop->random) % (uint64_t)(length / 2));
        slot += length;
        wait_until(due);
        if (stopped) break;
        loop->serve();
        loop->samples[loop->count++] = (struct sample){due, (uint32_t)((now() - due) / 1000)};
    }
    return NULL;
}

static void stop(int signal) {
    (void)signal;
    stopped = 1;
}

// Twice: the kernel takes for a working set what was used more than once.
static void warm_working_set(void) {
    static char piece[1 << 20];
    for (int pass = 0; pass < 2; pass++) {
        for (off_t at = 0; at < (off_t)set_pages * PAGE; at += sizeof piece) {
            if (pread(working_set, piece, sizeof piece, at) <= 0) fail("the working set");
        }
    }
    // Or the kernel would read neighbours as well, and a miss would cost more than its page.
    posix_fadvise(working_set, 0, 0, POSIX_FADV_RANDOM);
}

static void prepare(struct loop *loop) {
    // Written to, so that no page of it is first touched while a request is timed.
    loop->samples = malloc(SAMPLES_LIMIT * sizeof *loop->samples);
    if (!loop->samples) fail("memory for the samples");
    memset(loop->samples, 1, 1 << 20);
}

static void write_samples(FILE *file, const struct loop *loop) {
    for (size_t number = 0; number < loop->count; number++) {
        const struct sample *sample = &loop->samples[number];
        fprintf(file, "%s %lld %u\n", loop->name, (long long)(sample->due / 1000), sample->late);
    }
}

static int calibrate(double microseconds) {
    const uint64_t trial = 1000000;
    int64_t best = INT64_MAX;
    for (int number = 0; number < CALIBRATIONS; number++) {
        int64_t begin = now();
        compute(trial);
        int64_t took = now() - begin;
        if (took < best) best = took;
    }
    printf("%.0f\n", trial * microseconds * 1000 / (double)best);
    return 0;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "calibrate") == 0) return calibrate(atof(arguments[2]));
    struct loop requests = {.name = "request", .rate = 100, .serve = serve_request, .random = 1};
    struct loop syncs = {.name = "sync", .rate = 20, .serve = serve_sync, .random = 2};
    for (int option; (option = getopt(count, arguments, "c:r:s:w:p:b:")) != -1;) {
        double from, length;
        switch (option) {
            case 'c': iterations = strtoull(optarg, NULL, 10); break;
            case 'r': requests.rate = atof(optarg); break;
            case 's': syncs.rate = atof(optarg); break;
            case 'w': set_pages = strtoull(optarg, NULL, 10) * ((1 << 20) / PAGE); break;
            case 'p': pages_each = atoi(optarg); break;
            case 'b':
                if (sscanf(optarg, "%lf,%lf,%lf", &from, &length, &burst.rate) != 3) return 2;
                burst.from = (int64_t)(from * 1e9);
                burst.to = burst.from + (int64_t)(length * 1e9);
                break;
            default: return 2;
        }
    }
    if (count - optind != 2 || iterations == 0 || (pages_each > 0 && set_pages == 0)) return 2;
    if (chdir(arguments[optind]) != 0) fail(arguments[optind]);
    FILE *file = fopen(arguments[optind + 1], "w");
    if (!file) fail(arguments[optind + 1]);

    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    prepare(&requests);
    prepare(&syncs);
    if (pages_each > 0) {
        if ((working_set = open("working-set", O_RDONLY)) < 0) fail("working-set");
        warm_working_set();
    }
    if (syncs.rate > 0) {
        if ((log_file = open("synced", O_CREAT | O_RDWR, 0644)) < 0) fail("synced");
        for (int page = 0; page < LOG_PAGES; page++) serve_sync();
    }

    start = now() + 20000000;
    printf("ready %lld\n", (long long)(start / 1000));
    fflush(stdout);
    pthread_t threads[2];
    struct loop *loops[] = {&requests, &syncs};
    const int used = syncs.rate > 0 ? 2 : 1;
    for (int number = 0; number < used; number++) {
        if (pthread_create(&threads[number], NULL, run_loop, loops[number]) != 0) fail("a thread");
    }
    // A thread that sleeps until its next request sees the signal by that time: at most a slot later.
    for (int number = 0; number < used; number++) pthread_join(threads[number], NULL);
    write_samples(file, &requests);
    write_samples(file, &syncs);
    return fclose(file) == 0 ? 0 : 1;
}
