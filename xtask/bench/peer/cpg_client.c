/*
 * The peer's end of `cargo xtask bench ring`: one member of a closed process group of corosync that sends and measures.
 * Orders on stdin and answers on stdout are those of membership/io/examples/ring-bench.rs.
 *
 * cc -O2 -o cpg_client cpg_client.c -lcpg
 */
#define _GNU_SOURCE
#include <corosync/corotypes.h>
#include <corosync/cpg.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static cpg_handle_t handle;
static uint32_t me;
static uint64_t own, messages, first, last;
static uint64_t buckets[64 * 32];
static char *payload;

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void fail(const char *what, int code)
{
    fprintf(stderr, "cpg_client: %s: %d\n", what, code);
    exit(1);
}

static void deliver(cpg_handle_t h, const struct cpg_name *group, uint32_t node, uint32_t pid, void *bytes, size_t len)
{
    uint64_t at = now(), sent, taken;
    (void)h, (void)group, (void)pid, (void)len;
    memcpy(&sent, bytes, sizeof sent);
    if (messages++ == 0)
        first = at;
    last = at;
    own += node == me;
    taken = at > sent + 32 ? at - sent : 32;
    int doublings = 63 - __builtin_clzll(taken) - 5;
    buckets[doublings * 32 + (taken >> doublings) - 32]++;
}

static void change(cpg_handle_t h, const struct cpg_name *group, const struct cpg_address *members, size_t count,
                   const struct cpg_address *left, size_t left_count, const struct cpg_address *joined,
                   size_t joined_count)
{
    (void)h, (void)group, (void)members, (void)left, (void)left_count, (void)joined, (void)joined_count;
    printf("view %zu\n", count);
}

/* Takes what waits. */
static void hear(void)
{
    int code = cpg_dispatch(handle, CS_DISPATCH_ALL);
    if (code != CS_OK && code != CS_ERR_TRY_AGAIN)
        fail("cpg_dispatch", code);
}

/* Waits for something to take, at most so long. */
static void wait_for(uint64_t nanos)
{
    int fd;
    struct timespec time = {(time_t)(nanos / 1000000000u), (long)(nanos % 1000000000u)};
    cpg_fd_get(handle, &fd);
    struct pollfd source = {fd, POLLIN, 0};
    if (ppoll(&source, 1, &time, NULL) > 0)
        hear();
}

static int multicast(size_t size)
{
    uint64_t at = now();
    memcpy(payload, &at, sizeof at);
    struct iovec vector = {payload, size < 16 ? 16 : size};
    int code = cpg_mcast_joined(handle, CPG_TYPE_AGREED, &vector, 1);
    if (code != CS_OK && code != CS_ERR_TRY_AGAIN)
        fail("cpg_mcast_joined", code);
    return code == CS_OK;
}

static void finish(uint64_t before, uint64_t sent)
{
    while (own - before < sent)
        wait_for(1000000000u);
    printf("sent %llu\n", (unsigned long long)sent);
}

static void flood(size_t size, uint64_t millis, uint64_t window)
{
    uint64_t most = window / size < 4 ? 4 : window / size;
    uint64_t end = now() + millis * 1000000u, before = own, sent = 0;
    while (now() < end) {
        if (sent - (own - before) < most && multicast(size)) {
            if (++sent % 32 == 0)
                hear();
        } else {
            wait_for(200000);
        }
    }
    finish(before, sent);
}

static void rate(size_t size, uint64_t per_second, uint64_t millis)
{
    uint64_t begin = now(), before = own, sent = 0, step = 1000000000u / per_second;
    while (sent * step < millis * 1000000u) {
        uint64_t due = begin + sent * step, at = now();
        if (at < due)
            wait_for(due - at);
        else if (multicast(size))
            sent++;
        else
            wait_for(200000);
    }
    finish(before, sent);
}

static unsigned long long quantile(uint64_t thousandths)
{
    uint64_t wanted = (messages * thousandths + 999) / 1000, count = 0;
    for (uint64_t index = 0; index < 64 * 32; index++)
        if ((count += buckets[index]) >= wanted)
            return (index % 32 + 32) << (index / 32);
    return 0;
}

static void obey(const char *line)
{
    unsigned long long a, b, c;
    if (strncmp(line, "reset", 5) == 0) {
        messages = first = last = 0;
        memset(buckets, 0, sizeof buckets);
        printf("ok\n");
    } else if (sscanf(line, "flood %llu %llu %llu", &a, &b, &c) == 3) {
        flood(a, b, c);
    } else if (sscanf(line, "rate %llu %llu %llu", &a, &b, &c) == 3) {
        rate(a, b, c);
    } else if (strncmp(line, "report", 6) == 0) {
        printf("got %llu %llu %llu %llu %llu\n", (unsigned long long)messages, (unsigned long long)(last - first),
               quantile(500), quantile(990), quantile(999));
    } else {
        fail(line, 0);
    }
}

int main(void)
{
    cpg_callbacks_t callbacks = {deliver, change};
    struct cpg_name group = {5, "bench"};
    int code, fd;
    setvbuf(stdout, NULL, _IOLBF, 0);
    payload = malloc(2 * 1024 * 1024);
    memset(payload, 0x5a, 2 * 1024 * 1024);
    for (int tries = 0; (code = cpg_initialize(&handle, &callbacks)) != CS_OK; tries++) {
        if (tries == 200)
            fail("cpg_initialize (does corosync run?)", code);
        usleep(50000);
    }
    cpg_local_get(handle, &me);
    while ((code = cpg_join(handle, &group)) == CS_ERR_TRY_AGAIN)
        usleep(50000);
    if (code != CS_OK)
        fail("cpg_join", code);
    cpg_fd_get(handle, &fd);
    for (;;) {
        struct pollfd sources[2] = {{0, POLLIN, 0}, {fd, POLLIN, 0}};
        if (poll(sources, 2, -1) < 0)
            continue;
        if (sources[1].revents)
            hear();
        if (sources[0].revents) {
            /* One order at a time is under way, so that stdio never holds a second one back. */
            char line[256];
            if (!fgets(line, sizeof line, stdin))
                return 0;
            obey(line);
        }
    }
}
