/* limit: greeting, EHLO and QUIT with as many hosts as fast as one process can
 * by plain sockets and epoll. It keeps nothing, knows nothing and writes
 * nothing: what a client costs beyond this is its own doing.
 *
 * usage: limit first-address count port in-flight timeout-ms
 *
 * It talks to 127.0.0.0/8 and 198.18.0.0/15 (RFC 2544) only, and waits for
 * nothing but the end of a reply: a line whose code a space follows.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct probe {
	int fd, replies, len;
	uint32_t generation; /* tells late events of an earlier use from ours */
	int64_t due;
	int prev, next; /* those under way, the oldest first: all have one timeout */
	char buf[1024];
};

static struct probe *probes;
static int *idle, idles, oldest = -1, newest = -1, running;
static unsigned long answered, failed, silent;

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void begin(int ep, uint32_t address, int port, int64_t due)
{
	int i = idle[--idles];
	struct probe *p = &probes[i];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address) };
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0) {
		perror("limit: socket");
		exit(1);
	}
	p->replies = p->len = 0;
	p->due = due;
	p->prev = newest, p->next = -1;
	if (newest >= 0)
		probes[newest].next = i;
	else
		oldest = i;
	newest = i;
	running++;
	if (connect(p->fd, (void *)&to, sizeof to) && errno != EINPROGRESS)
		p->due = 0; /* counted as silent: the bench has no such hosts */
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET, .data.u64 = (uint64_t)p->generation << 32 | (uint32_t)i };
	epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &ev);
}

static void end(int i)
{
	struct probe *p = &probes[i];
	if (p->prev >= 0)
		probes[p->prev].next = p->next;
	else
		oldest = p->next;
	if (p->next >= 0)
		probes[p->next].prev = p->prev;
	else
		newest = p->prev;
	close(p->fd);
	p->generation++;
	idle[idles++] = i;
	running--;
}

static int complete(const char *text, int len)
{
	for (int line = 0, i = 0; i < len; i++) {
		if (text[i] != '\n')
			continue;
		if (i - line >= 4 && text[line + 3] == ' ')
			return 1;
		line = i + 1;
	}
	return 0;
}

static void readable(int i)
{
	static const char *const commands[] = { "EHLO probe.example.net\r\n", "QUIT\r\n" };
	struct probe *p = &probes[i];
	ssize_t n = recv(p->fd, p->buf + p->len, sizeof p->buf - p->len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		failed++;
		end(i);
		return;
	}
	p->len += n;
	if (!complete(p->buf, p->len))
		return;
	if (p->replies == 2) {
		answered++;
		end(i);
		return;
	}
	send(p->fd, commands[p->replies], strlen(commands[p->replies]), MSG_NOSIGNAL);
	p->replies++;
	p->len = 0;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		return 2;
	uint32_t first = ntohl(inet_addr(argv[1])), count = atoi(argv[2]), next = 0;
	int port = atoi(argv[3]), slots = atoi(argv[4]), timeout = atoi(argv[5]), ep = epoll_create1(0);
	if (first >> 24 != 127 && first >> 17 != (198 << 7 | 9))
		return 2;
	struct rlimit files = { slots + 64, slots + 64 };
	setrlimit(RLIMIT_NOFILE, &files);
	probes = calloc(slots, sizeof *probes);
	idle = malloc(slots * sizeof *idle);
	while (idles < slots)
		idle[idles] = idles, idles++;
	static struct epoll_event events[1024];
	while (next < count || running) {
		int64_t now = now_ms();
		for (int burst = 0; next < count && idles && burst < 256; burst++)
			begin(ep, first + next++, port, now + timeout);
		int64_t wait = next < count && idles ? 0 : probes[oldest].due - now;
		int n = epoll_wait(ep, events, 1024, wait < 0 ? 0 : (int)wait);
		for (int k = 0; k < n; k++) {
			int i = (int)(uint32_t)events[k].data.u64;
			if (probes[i].generation == (uint32_t)(events[k].data.u64 >> 32))
				readable(i);
		}
		for (now = now_ms(); oldest >= 0 && probes[oldest].due <= now; silent++)
			end(oldest);
	}
	printf("answered=%lu failed=%lu silent=%lu\n", answered, failed, silent);
	return failed > 0;
}
