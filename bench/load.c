/* Many clients at one server, from one thread: the load that the benchmarks put on servers.

   echo, redis, seats: every client repeats two requests (a pair), the second after the answer to the first. Every answer is
   checked; one that is wrong is an error, and an error ends the run. The bytes come from the caller, made by the real
   encoder, with the offsets at which numbers are put in place. With --rate the pairs begin at that pace, each at a client that
   has nothing under way; without it every client begins its next pair at once. A checkout that is queued waits for its grant.

   hold: the clients connect and stay; lines on standard input say what they do:
       seat            each checks one seat out, or is queued for it
       beat SECONDS    each sends one heartbeat, spread evenly over so many seconds, and waits for its answer
   One JSON object a line is printed for the connecting and for each command. The end of the input ends the clients.

   The server's CPU time is read here, at both ends of the measured window, from the process's clock.

   Compiled with -DTLS (build/load-tls) the same clients speak TLS 1.3 behind the clear bytes of the opening. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef TLS
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

enum { BUFFER_BYTES = 16384, TEMPLATE_BYTES = 4096, EVENTS = 512, CLIENTS_MAX = 20000, PER_SOURCE = 2500, CONNECTING_MAX = 128 };
enum { MICROSECONDS_MAX = 2000000, DRAIN_S = 20, ANSWER_S = 30, DIGITS = 10, NAME_DIGITS = 5 };
enum { TAG_WELCOME = 32, TAG_GRANTED = 33, TAG_RETURNED = 35, TAG_BEAT = 36, TAG_QUEUED = 45 };

typedef enum { CONNECTING, SHAKING, OPENING, IDLE, FIRST, SECOND, BEATING } State;
typedef enum { ECHO, REDIS, SEATS, HOLD } Mode;

typedef struct {
    unsigned char bytes[TEMPLATE_BYTES];
    int size, request, handle, digits, session, name, clear;
} Template;

typedef struct {
    int fd;
    State state;
    uint32_t request, handle;
    int filled;
    unsigned char *buffer;
    double started;
#ifdef TLS
    SSL *tls;
#endif
} Client;

static Mode mode;
static Template opening, first, second, beat;
static unsigned char expected[64];
static int expected_size;
static Client *clients;
static int client_count = 50, epoll_fd, server_pid;
static struct sockaddr_in server;
static double warm_s = 0.5, measure_s = 2.0;
static long pairs, open_count, waiting;
static int finishing, measuring, first_name;
static uint32_t *histogram, *grant_histogram;
static double rate, last_grant, longest_gap;
/* With a rate: clients without anything under way. */
static Client **idle;
static int idle_count;
static long starved;
#ifdef TLS
static SSL_CTX *tls_context;
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    for (char *c = text; *c; c++)
        if (*c < 32 || *c > 126 || *c == '"' || *c == '\\') *c = '?';
    printf("{\"errors\": 1, \"error\": \"%s\"}\n", text);
    exit(1);
}

static long long server_cpu_ns(void) {
    struct timespec used;
    clockid_t clock;
    if (!server_pid) return 0;
    /* The clock of the process, and not the sum over its threads: what a thread used that has ended counts. */
    if (clock_getcpuclockid(server_pid, &clock) || clock_gettime(clock, &used)) fail("the server (process %d) has gone", server_pid);
    return used.tv_sec * 1000000000LL + used.tv_nsec;
}

static void put32(unsigned char *at, uint32_t value) {
    at[0] = value >> 24, at[1] = value >> 16, at[2] = value >> 8, at[3] = value;
}

/* A MessagePack unsigned number at *at, which is moved behind it. */
static uint64_t number(const unsigned char **at, const unsigned char *end) {
    uint64_t value = 0;
    int size = 0;
    if (*at >= end) fail("an answer ends too early");
    unsigned char head = *(*at)++;
    if (head < 0x80) return head;
    if (head >= 0xcc && head <= 0xcf) size = 1 << (head - 0xcc);
    if (!size || end - *at < size) fail("an answer has byte %#x where a number should be", head);
    while (size--) value = value << 8 | *(*at)++;
    return value;
}

static void send_clear(Client *client, const unsigned char *bytes, int size) {
    ssize_t sent = send(client->fd, bytes, (size_t)size, MSG_NOSIGNAL);
    if (sent != size) fail("sending %d bytes: %s", size, sent < 0 ? strerror(errno) : "the socket is full");
}

/* Bytes of the connection as recv gives them: 0 at its end, -1 with errno EAGAIN where there are none now. */
static ssize_t receive(Client *client, unsigned char *into, int room) {
#ifdef TLS
    int got = SSL_read(client->tls, into, room);
    if (got > 0) return got;
    int error = SSL_get_error(client->tls, got);
    if (error == SSL_ERROR_WANT_READ) {
        errno = EAGAIN;
        return -1;
    }
    if (error == SSL_ERROR_SSL) fail("TLS: %s", ERR_error_string(ERR_get_error(), NULL));
    return error == SSL_ERROR_SYSCALL && errno ? -1 : 0;
#else
    return recv(client->fd, into, (size_t)room, 0);
#endif
}

static void send_all(Client *client, const unsigned char *bytes, int size) {
#ifdef TLS
    int sent = SSL_write(client->tls, bytes, size);
    if (sent != size) fail("sending %d bytes through TLS: error %d", size, SSL_get_error(client->tls, sent));
#else
    send_clear(client, bytes, size);
#endif
}

static void send_template(Client *client, Template *template) {
    if (template->request) put32(template->bytes + template->request, ++client->request);
    if (template->handle) put32(template->bytes + template->handle, client->handle);
    if (template->digits) {
        uint32_t left = client->handle;
        for (int i = DIGITS; i--; left /= 10) template->bytes[template->digits + i] = (unsigned char)('0' + left % 10);
    }
    send_all(client, template->bytes, template->size);
}

static void begin_pair(Client *client) {
    if (mode == REDIS) client->handle = client->handle % 100000 + 100000 * (uint32_t)(1 + client->request++ % 9000);
    client->state = FIRST;
    client->started = now();
    send_template(client, &first);
}

static void note(uint32_t *into, double seconds) {
    long taken = (long)(seconds * 1e6);
    into[taken < MICROSECONDS_MAX ? taken : MICROSECONDS_MAX - 1]++;
}

static void end_pair(Client *client) {
    if (measuring) {
        pairs++;
        note(histogram, now() - client->started);
    }
    if (finishing || rate > 0) {
        client->state = IDLE;
        waiting--;
        if (rate > 0) idle[idle_count++] = client;
    } else
        begin_pair(client);
}

/* A checkout has its seats. */
static void note_grant(Client *client) {
    if (!measuring) return;
    double at = now();
    note(grant_histogram, at - client->started);
    if (at - last_grant > longest_gap) longest_gap = at - last_grant;
    last_grant = at;
}

/* Begins the pairs that are due at this rate since `start`, of which `begun` were begun. */
static long begin_due(double start, long begun) {
    long due = (long)((now() - start) * rate);
    for (; begun < due; begun++) {
        if (!idle_count) {
            /* Every client waits: what is late stays undone, and is told. */
            if (measuring) starved += due - begun;
            return due;
        }
        waiting++;
        begin_pair(idle[--idle_count]);
    }
    return begun;
}

static void say_hello(Client *client) {
    client->state = OPENING;
    if (getrandom(opening.bytes + opening.session, 16, 0) != 16) fail("no random bytes");
    if (opening.name) {
        long left = first_name + (client - clients);
        for (int i = NAME_DIGITS; i--; left /= 10) opening.bytes[opening.name + i] = (unsigned char)('0' + left % 10);
    }
#ifdef TLS
    send_all(client, opening.bytes + opening.clear, opening.size - opening.clear);
#else
    send_all(client, opening.bytes, opening.size);
#endif
}

#ifdef TLS
/* One step of the TLS handshake; its end says hello. */
static void shake_hands(Client *client) {
    if (!client->tls) {
        send_clear(client, opening.bytes, opening.clear);
        client->state = SHAKING;
        client->tls = SSL_new(tls_context);
        if (!client->tls || !SSL_set_fd(client->tls, client->fd)) fail("no TLS");
        SSL_set_connect_state(client->tls);
    }
    int done = SSL_do_handshake(client->tls);
    if (done == 1) {
        say_hello(client);
        return;
    }
    int error = SSL_get_error(client->tls, done);
    if (error != SSL_ERROR_WANT_READ) {
        fail("the TLS handshake fails with %d: %s", error, ERR_error_string(ERR_get_error(), NULL));
    }
}
#endif

/* One message of seatkeeper's protocol. */
static void message(Client *client, const unsigned char *at, const unsigned char *end) {
    if (at >= end || *at++ >> 4 != 9) fail("an answer is not an array of up to 15 elements");
    uint64_t tag = number(&at, end);
    if (client->state == OPENING && tag == TAG_WELCOME) {
        client->state = IDLE;
        open_count++;
        return;
    }
    uint64_t request = number(&at, end);
    if (client->state == FIRST && tag == TAG_GRANTED && request == client->request) {
        uint64_t handle = number(&at, end), count = number(&at, end);
        if (count != 1 || handle > UINT32_MAX) fail("granted %llu seats under %llu", (unsigned long long)count, (unsigned long long)handle);
        client->handle = (uint32_t)handle;
        note_grant(client);
        if (mode == HOLD) {
            client->state = IDLE;
            waiting--;
            return;
        }
        client->state = SECOND;
        send_template(client, &second);
        return;
    }
    if (tag == TAG_QUEUED && request == client->request) {
        if (mode == HOLD && client->state == FIRST) {
            client->state = IDLE;
            waiting--;
        }
        return;
    }
    if (client->state == SECOND && tag == TAG_RETURNED && request == client->request) {
        if (number(&at, end) != client->handle || number(&at, end) != 0) fail("a checkin of %u went wrong", client->handle);
        end_pair(client);
        return;
    }
    if (client->state == BEATING && tag == TAG_BEAT && request == client->request) {
        client->state = IDLE;
        waiting--;
        return;
    }
    fail("unexpected answer %llu in state %d: %.*s", (unsigned long long)tag, client->state, (int)(end - at), (const char *)at);
}

static void frames(Client *client) {
    int position = 0;
    while (client->filled - position >= 4) {
        const unsigned char *at = client->buffer + position;
        int length = (int)((uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]);
        if (length < 0 || length > BUFFER_BYTES - 4) fail("a frame of %d bytes", length);
        if (client->filled - position < 4 + length) break;
        message(client, at + 4, at + 4 + length);
        position += 4 + length;
    }
    client->filled -= position;
    if (position && client->filled) memmove(client->buffer, client->buffer + position, (size_t)client->filled);
}

static void fixed_answer(Client *client) {
    const unsigned char *want = mode == ECHO ? first.bytes : expected;
    int size = mode == ECHO ? first.size : expected_size;
    if (client->filled < size) return;
    if (client->filled > size || memcmp(client->buffer, want, (size_t)size)) fail("unexpected answer: %.60s", client->buffer);
    client->filled = 0;
    if (client->state == FIRST) {
        client->state = SECOND;
        send_template(client, &second);
    } else
        end_pair(client);
}

static void readable(Client *client) {
    static unsigned char shared[BUFFER_BYTES];
    /* Held clients share one buffer and own one only while a frame is incomplete, so that 10,000 of them stay small. */
    unsigned char *own = client->buffer;
    if (!own) client->buffer = shared;
#ifdef TLS
    /* TLS may have more than it gave: only when it wants to read is the socket empty. */
    for (;;) {
#endif
        ssize_t got = receive(client, client->buffer + client->filled, BUFFER_BYTES - client->filled);
        if (got <= 0) {
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
#ifdef TLS
                break;
#endif
                client->buffer = own;
                return;
            }
            fail("the server closed a connection in state %d: %s", client->state, got < 0 ? strerror(errno) : "end of stream");
        }
        client->filled += (int)got;
        if (mode == SEATS || mode == HOLD)
            frames(client);
        else
            fixed_answer(client);
#ifdef TLS
        if (!SSL_has_pending(client->tls)) break;
    }
#endif
    if (client->filled && client->buffer == shared) {
        client->buffer = malloc(BUFFER_BYTES);
        if (!client->buffer) fail("no memory");
        memcpy(client->buffer, shared, (size_t)client->filled);
    } else if (!client->filled) {
        if (client->buffer != shared) free(client->buffer);
        client->buffer = NULL;
    }
}

static void connect_client(Client *client, int index) {
    struct sockaddr_in source = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001u + (uint32_t)(index / PER_SOURCE))};
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    int one = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) fail("socket %d: %s", index, strerror(errno));
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(client->fd, (struct sockaddr *)&source, sizeof source)) fail("bind: %s", strerror(errno));
    if (connect(client->fd, (struct sockaddr *)&server, sizeof server) && errno != EINPROGRESS) fail("connect: %s", strerror(errno));
    client->state = CONNECTING;
    client->request = 65536;
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event)) fail("epoll: %s", strerror(errno));
}

static void connected(Client *client) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) fail("connect: %s", strerror(error));
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
    if (opening.size)
#ifdef TLS
        shake_hands(client);
#else
        say_hello(client);
#endif
    else {
        client->state = IDLE;
        client->handle = (uint32_t)(client - clients);
        open_count++;
    }
}

static void serve_events(int timeout_ms) {
    static struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll_fd, events, EVENTS, timeout_ms);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < count; i++) {
        Client *client = events[i].data.ptr;
        if (client->state == CONNECTING)
            connected(client);
#ifdef TLS
        else if (client->state == SHAKING)
            shake_hands(client);
#endif
        else
            readable(client);
    }
}

static void open_clients(void) {
    int begun = 0;
    double deadline = now() + 2 * ANSWER_S;
    while (open_count < client_count) {
        while (begun < client_count && begun - open_count < CONNECTING_MAX) {
            connect_client(clients + begun, begun);
            begun++;
        }
        serve_events(100);
        if (now() > deadline) fail("only %ld of %d clients are connected", open_count, client_count);
    }
}

static double quantile_us(const uint32_t *of, double part) {
    long seen = 0, all = 0;
    for (int i = 0; i < MICROSECONDS_MAX; i++) all += of[i];
    for (int i = 0; i < MICROSECONDS_MAX; i++)
        if ((seen += of[i]) >= (long)((double)all * part) && seen) return i;
    return 0;
}

static void run_pairs(void) {
    double opened = now();
    long long cpu = 0;
    open_clients();
    double start = now(), connect_s = start - opened, begin = start;
    long begun = 0;
    if (rate > 0)
        for (int i = client_count; i--;) idle[idle_count++] = clients + i;
    else {
        waiting = client_count;
        for (int i = 0; i < client_count; i++) begin_pair(clients + i);
    }
    for (int phase = 0; phase < 2; phase++) {
        double end = start + (phase ? measure_s : warm_s);
        while (now() < end) {
            if (rate > 0) begun = begin_due(begin, begun);
            serve_events(rate > 0 ? 1 : 10);
        }
        if (phase) break;
        measuring = 1;
        cpu = server_cpu_ns();
        start = last_grant = now();
    }
    double seconds = now() - start;
    if (now() - last_grant > longest_gap) longest_gap = now() - last_grant;
    cpu = server_cpu_ns() - cpu;
    measuring = 0;
    finishing = 1;
    double deadline = now() + DRAIN_S;
    while (waiting && now() < deadline) serve_events(10);
    if (waiting) fail("%ld clients wait for an answer that does not come", waiting);
    if (!pairs) fail("not one pair in %.1f s", seconds);
    printf("{\"errors\": 0, \"pairs\": %ld, \"seconds\": %.6f, \"cpu_ns\": %lld, \"p50_us\": %.0f, \"p99_us\": %.0f, \"connect_s\": %.3f, ",
           pairs, seconds, cpu, quantile_us(histogram, 0.5), quantile_us(histogram, 0.99), connect_s);
    printf("\"grant_p50_us\": %.0f, \"grant_p99_us\": %.0f, \"grant_max_us\": %.0f, \"gap_us\": %.0f, \"starved\": %ld}\n",
           quantile_us(grant_histogram, 0.5), quantile_us(grant_histogram, 0.99), quantile_us(grant_histogram, 1), longest_gap * 1e6, starved);
}

/* Each client does one thing, spread over `seconds`; returns when all have their answers. */
static void all_do(Template *template, State state, double seconds) {
    double start = now();
    int sent = 0;
    waiting = client_count;
    while (waiting) {
        double passed = now() - start;
        int due = seconds > 0 ? (int)(passed / seconds * client_count) + 1 : sent + CONNECTING_MAX;
        if (due > client_count) due = client_count;
        for (; sent < due; sent++) {
            clients[sent].state = state;
            send_template(clients + sent, template);
        }
        serve_events(seconds > 0 || sent == client_count ? 1 : 0);
        if (passed > seconds + ANSWER_S) fail("%ld clients wait for an answer that does not come", waiting);
    }
}

static void hold(void) {
    char line[100];
    double start = now();
    open_clients();
    printf("{\"errors\": 0, \"clients\": %d, \"seconds\": %.3f}\n", client_count, now() - start);
    fflush(stdout);
    for (;;) {
        struct pollfd input[2] = {{.fd = 0, .events = POLLIN}, {.fd = epoll_fd, .events = POLLIN}};
        poll(input, 2, -1);
        if (input[1].revents) serve_events(0);
        if (!input[0].revents) continue;
        if (!fgets(line, sizeof line, stdin)) return;
        double begun = now();
        long long cpu = server_cpu_ns();
        if (!strncmp(line, "seat", 4))
            all_do(&first, FIRST, 0);
        else if (!strncmp(line, "beat", 4))
            all_do(&beat, BEATING, atof(line + 4));
        else
            fail("what is %.20s?", line);
        printf("{\"errors\": 0, \"seconds\": %.3f, \"cpu_ns\": %lld}\n", now() - begun, server_cpu_ns() - cpu);
        fflush(stdout);
    }
}

static int from_hex(const char *text, unsigned char *into, int room) {
    int size = 0;
    for (unsigned byte; sscanf(text, "%2x", &byte) == 1; text += 2) {
        if (size == room) fail("a template is longer than %d bytes", room);
        into[size++] = (unsigned char)byte;
        if (!text[1]) break;
    }
    return size;
}

/* HEX[,field=offset]... */
static void read_template(char *text, Template *template) {
    for (char *part = strtok(text, ","); part; part = strtok(NULL, ",")) {
        char *value = strchr(part, '=');
        int offset = value ? atoi(value + 1) : 0;
        if (!value) template->size = from_hex(part, template->bytes, TEMPLATE_BYTES);
        else if (!strncmp(part, "request", 7)) template->request = offset;
        else if (!strncmp(part, "handle", 6)) template->handle = offset;
        else if (!strncmp(part, "digits", 6)) template->digits = offset;
        else if (!strncmp(part, "session", 7)) template->session = offset;
        else if (!strncmp(part, "name", 4)) template->name = offset;
        else if (!strncmp(part, "clear", 5)) template->clear = offset;
        else fail("what is %.20s?", part);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"mode", 1, 0, 'm'},   {"port", 1, 0, 'p'},    {"clients", 1, 0, 'n'}, {"warm", 1, 0, 'w'},
                                            {"seconds", 1, 0, 's'}, {"pid", 1, 0, 'i'},     {"open", 1, 0, 'o'},    {"first", 1, 0, '1'},
                                            {"second", 1, 0, '2'},  {"beat", 1, 0, 'b'},    {"expect", 1, 0, 'e'},
                                            {"rate", 1, 0, 'r'},    {"first-name", 1, 0, 'f'}, {0, 0, 0, 0}};
    /* The clients never outlive the bench that started them. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (option) {
            case 'm':
                mode = !strcmp(optarg, "echo") ? ECHO : !strcmp(optarg, "redis") ? REDIS : !strcmp(optarg, "seats") ? SEATS : HOLD;
                break;
            case 'p': server.sin_port = htons((uint16_t)atoi(optarg)); break;
            case 'n': client_count = atoi(optarg); break;
            case 'w': warm_s = atof(optarg); break;
            case 's': measure_s = atof(optarg); break;
            case 'i': server_pid = atoi(optarg); break;
            case 'o': read_template(optarg, &opening); break;
            case '1': read_template(optarg, &first); break;
            case '2': read_template(optarg, &second); break;
            case 'b': read_template(optarg, &beat); break;
            case 'e': expected_size = from_hex(optarg, expected, sizeof expected); break;
            case 'r': rate = atof(optarg); break;
            case 'f': first_name = atoi(optarg); break;
            default: return 2;
        }
    if (client_count < 1 || client_count > CLIENTS_MAX) fail("1 to %d clients, not %d", CLIENTS_MAX, client_count);
    clients = calloc((size_t)client_count, sizeof *clients);
    histogram = calloc(MICROSECONDS_MAX, sizeof *histogram);
    grant_histogram = calloc(MICROSECONDS_MAX, sizeof *grant_histogram);
    idle = calloc((size_t)client_count, sizeof *idle);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
#ifdef TLS
    tls_context = SSL_CTX_new(TLS_client_method());
    if (!tls_context || !SSL_CTX_set_min_proto_version(tls_context, TLS1_3_VERSION)) fail("no TLS 1.3");
    SSL_CTX_set_mode(tls_context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(tls_context, 1);
#endif
    if (!clients || !histogram || !grant_histogram || !idle || epoll_fd < 0) fail("no memory");
    if (mode == HOLD)
        hold();
    else
        run_pairs();
    return 0;
}
