/* A clock that a test sets: the time of day is off by the seconds in the file CLOCK_OFFSET.
 * libfaketime does the same, but not with jemalloc, with which Redis is built. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long offset(void)
{
	char text[32] = "";
	const char *file = getenv("CLOCK_OFFSET");
	int fd = file ? open(file, O_RDONLY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		if (read(fd, text, sizeof(text) - 1) < 0)
			text[0] = 0;
		close(fd);
	}
	return atol(text);
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	int failed = syscall(SYS_clock_gettime, id, now);

	if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
		now->tv_sec += offset();
	return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec exact;
	int failed = clock_gettime(CLOCK_REALTIME, &exact);

	(void)zone;
	now->tv_sec = exact.tv_sec;
	now->tv_usec = exact.tv_nsec / 1000;
	return failed;
}

time_t time(time_t *now)
{
	struct timespec exact;

	clock_gettime(CLOCK_REALTIME, &exact);
	if (now)
		*now = exact.tv_sec;
	return exact.tv_sec;
}
