/* A later clock for dynamically linked programs: preloaded, adds OFFSET seconds to the time of day.
 *
 * Monotonic and CPU clocks stay, as do the times that the kernel gives files: it goes forward only,
 * so no file seems to come from the future. It calls the kernel itself, so that it needs nothing
 * of libc but syscall(2).
 */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = syscall(SYS_clock_gettime, clock, now);

	if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
			    clock == CLOCK_TAI))
		now->tv_sec += OFFSET;
	return result;
}

time_t time(time_t *into)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (into)
		*into = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict into, void *restrict zone)
{
	struct timespec now;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &now);
	if (into) {
		into->tv_sec = now.tv_sec;
		into->tv_usec = now.tv_nsec / 1000;
	}
	return 0;
}

int timespec_get(struct timespec *now, int base)
{
	return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, now) == 0 ? base : 0;
}
