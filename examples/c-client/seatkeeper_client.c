/* A client of a seatkeeper license server in C11 and libc: checks seats out, holds them, gives them back.
 *
 *     cc -std=c11 -O2 -Wall -Wextra -o seatkeeper-client seatkeeper_client.c
 *
 * It was written from docs/protocol.md alone; section names in the comments are that page's. It speaks without TLS and checks
 * no signature: README.md says what that means.
 *
 * How it works. One thread waits in poll() for the server, for a signal, or for the next moment at which something is due
 * (serve). What has been asked for is in one of five phases, which are those of "What becomes of a request"; the connection may
 * break in each of them, and come_back() finds out what is left. The lease is the client's own duty: it counts from when a
 * message was sent that was answered, and when it is over the seats are given up, whether or not the server agrees.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Limits -------------------------------------------------------------------------------------------------------------- */

enum {
    PROTOCOL = 1,
    HEADER_BYTES = 4,
    FRAME_BYTES_MAX = 65536,
    VENDOR_BYTES_MAX = 64,
    NAME_CHARS_MAX = 256,
    VERSION_CHARS_MAX = 32,
    SESSION_BYTES = 16,
    NONCE_BYTES = 32,
    ELSEWHERE_MAX = 3,
    UNANSWERED_MAX = 16,
};

static const double CONNECT_S = 5, GREET_S = 17, ANSWER_S = 10, BACKOFF_S = 15, FAREWELL_S = 2;
static const double LEASE_S_MIN = 0.1, LEASE_S_MAX = 7 * 86400.0, HEARTBEAT_S_MIN = 0.02;

/* License errors that arise here; all others come from the server. */
enum { NO_HOST = -14, NO_CONNECTION = -15, BROKEN = -16, NOT_UNDERSTOOD = -12, NO_ANSWER = -52, TAKEN_AWAY = 1, USAGE = 2 };

/* Messages */
enum { HELLO = 1, CHECKOUT = 2, CHECKIN = 3, HEARTBEAT = 4, GOODBYE = 5 };
enum { WELCOME = 32, GRANTED = 33, DENIED = 34, RETURNED = 35, BEAT = 36, LOST = 37, RESTORED = 38, REFUSED = 39, ELSEWHERE = 40, QUEUED = 45 };

/* Values: MessagePack, as much of it as is needed ------------------------------------------------------------------------ */

/* A frame in the making: its length in front, then the body. What does not fit sets `full`. */
struct writer {
    unsigned char data[HEADER_BYTES + FRAME_BYTES_MAX];
    size_t size;
    bool full;
};

static void put(struct writer *w, const void *bytes, size_t size)
{
    if (size > sizeof w->data - w->size) {
        w->full = true;
        return;
    }
    if (size > 0)
        memcpy(w->data + w->size, bytes, size);
    w->size += size;
}

/* A first byte and a number of `width` bytes behind it, big-endian. */
static void put_head(struct writer *w, unsigned first, uint64_t number, int width)
{
    unsigned char head[9] = {(unsigned char)first};
    for (int i = 0; i < width; i++)
        head[1 + i] = (unsigned char)(number >> (8 * (width - 1 - i)));
    put(w, head, 1 + (size_t)width);
}

static void put_number(struct writer *w, uint64_t number)
{
    if (number < 128)
        put_head(w, (unsigned)number, 0, 0);
    else if (number <= UINT32_MAX)
        put_head(w, 0xce, number, 4);
    else
        put_head(w, 0xcf, number, 8);
}

static void put_flag(struct writer *w, bool flag)
{
    put_head(w, flag ? 0xc3 : 0xc2, 0, 0);
}

static void put_text(struct writer *w, const char *text)
{
    size_t size = strlen(text);
    put_head(w, 0xda, size, 2); /* str of 16 bits; nothing that is sent here is longer than 1,024 bytes */
    put(w, text, size);
}

static void put_bytes(struct writer *w, const void *bytes, size_t size)
{
    put_head(w, 0xc4, size, 1);
    put(w, bytes, size);
}

static void put_list(struct writer *w, size_t size)
{
    put_head(w, 0xdc, size, 2);
}

/* Begins a message of so many fields. */
static void begin(struct writer *w, unsigned tag, size_t fields)
{
    w->size = HEADER_BYTES;
    w->full = false;
    put_list(w, 1 + fields);
    put_number(w, tag);
}

/* What is left of a body. After the first thing that is not as expected `bad` is set, and whatever is read is empty. */
struct reader {
    const unsigned char *at, *end;
    bool bad;
};

/* A piece of the body: text or bytes, not ended by a zero. */
struct piece {
    const char *data;
    size_t size;
};

static uint64_t take(struct reader *r, int width)
{
    uint64_t number = 0;
    if (r->bad || r->end - r->at < width) {
        r->bad = true;
        return 0;
    }
    while (width-- > 0)
        number = number << 8 | *r->at++;
    return number;
}

static unsigned peek(struct reader *r)
{
    if (r->bad || r->at == r->end) {
        r->bad = true;
        return 0xc1; /* the byte that MessagePack never uses */
    }
    return *r->at;
}

static int64_t sign_extended(uint64_t number, int width)
{
    uint64_t sign = UINT64_C(1) << (8 * width - 1);
    return (int64_t)((number ^ sign) - sign);
}

/* An integer of any width, signed or not. */
static int64_t get_integer(struct reader *r)
{
    unsigned first = (unsigned)take(r, 1);
    if (r->bad)
        return 0;
    if (first < 0x80)
        return first;
    if (first >= 0xe0)
        return (int64_t)first - 256;
    if (first >= 0xcc && first <= 0xcf) {
        uint64_t number = take(r, 1 << (first - 0xcc));
        if (number > INT64_MAX)
            r->bad = true;
        return r->bad ? 0 : (int64_t)number;
    }
    if (first >= 0xd0 && first <= 0xd3) {
        int width = 1 << (first - 0xd0);
        uint64_t number = take(r, width);
        return r->bad ? 0 : sign_extended(number, width);
    }
    r->bad = true;
    return 0;
}

static double get_real(struct reader *r)
{
    unsigned first = peek(r);
    if (first == 0xca) {
        take(r, 1);
        uint32_t bits = (uint32_t)take(r, 4);
        float number;
        memcpy(&number, &bits, sizeof number);
        return r->bad ? 0 : (double)number;
    }
    if (first == 0xcb) {
        take(r, 1);
        uint64_t bits = take(r, 8);
        double number;
        memcpy(&number, &bits, sizeof number);
        return r->bad ? 0 : number;
    }
    return (double)get_integer(r);
}

static struct piece get_sized(struct reader *r, uint64_t size)
{
    struct piece found = {"", 0};
    if (r->bad || size > (uint64_t)(r->end - r->at)) {
        r->bad = true;
        return found;
    }
    found.data = (const char *)r->at;
    found.size = (size_t)size;
    r->at += size;
    return found;
}

/* The number of characters of a text in UTF-8; -1 where it is none. */
static int characters(struct piece text)
{
    const unsigned char *at = (const unsigned char *)text.data, *end = at + text.size;
    int count = 0;
    for (; at < end; count++) {
        unsigned first = *at++;
        int following = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
        if (following < 0 || end - at < following)
            return -1;
        /* Of several ways to write a character only the shortest counts, and surrogates are none. */
        if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f) || (first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f))
            return -1;
        for (; following > 0; following--)
            if ((*at++ & 0xc0) != 0x80)
                return -1;
    }
    return count;
}

static struct piece piece_of(const char *text)
{
    return (struct piece){text, strlen(text)};
}

static struct piece get_text(struct reader *r)
{
    unsigned first = (unsigned)take(r, 1);
    struct piece found = {"", 0};
    if ((first & 0xe0) == 0xa0)
        found = get_sized(r, first & 0x1f);
    else if (first >= 0xd9 && first <= 0xdb)
        found = get_sized(r, take(r, 1 << (first - 0xd9)));
    else
        r->bad = true;
    if (characters(found) < 0)
        r->bad = true;
    return r->bad ? (struct piece){"", 0} : found;
}

/* The length of an array. Each element takes a byte at least, so that no length can keep the caller busy for long. */
static size_t get_list(struct reader *r)
{
    unsigned first = (unsigned)take(r, 1);
    uint64_t size = 0;
    if ((first & 0xf0) == 0x90)
        size = first & 0x0f;
    else if (first == 0xdc || first == 0xdd)
        size = take(r, first == 0xdc ? 2 : 4);
    else
        r->bad = true;
    if (!r->bad && size > (uint64_t)(r->end - r->at))
        r->bad = true;
    return r->bad ? 0 : (size_t)size;
}

/* The fields of a message that have not been read. Those at the end may be missing, where they have a default. */
struct fields {
    struct reader *r;
    size_t left;
};

static bool more(struct fields *f)
{
    if (f->left == 0 || f->r->bad)
        return false;
    f->left--;
    return true;
}

/* A field that must be there. */
static struct reader *next(struct fields *f)
{
    if (!more(f))
        f->r->bad = true;
    return f->r;
}

/* Printing --------------------------------------------------------------------------------------------------------------- */

static double now_s(void)
{
    struct timespec at;
#ifdef CLOCK_BOOTTIME
    /* It goes on while the machine sleeps, as the server's clock does. */
    if (clock_gettime(CLOCK_BOOTTIME, &at) != 0)
#endif
        clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

/* A text of the server's, which must not play with the terminal. */
static void say_piece(struct piece text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i], after = i + 1 < text.size ? (unsigned char)text.data[i + 1] : 0;
        if (c == 0xc2 && after < 0xa0)
            i++; /* a control character of two bytes */
        putchar(c < 0x20 || c == 0x7f || (c == 0xc2 && after < 0xa0) ? '?' : c);
    }
}

static void end_line(void)
{
    putchar('\n');
    fflush(stdout);
}

/* The client ------------------------------------------------------------------------------------------------------------- */

enum phase { ASKED, WAITING, HELD, RETURNING, OVER };

/* A message that wants an answer, and when it was sent. */
struct unanswered {
    uint64_t number;
    double at;
};

static struct client {
    const char *host, *port, *vendor, *feature, *version;
    uint64_t count;
    double hold_s;
    bool queue;
    char user[1024], machine[1024], display[1024];
    unsigned char session[SESSION_BYTES];

    int connection;
    unsigned char in[HEADER_BYTES + FRAME_BYTES_MAX];
    size_t in_size;
    struct writer out;

    double heartbeat_s, lease_s, lease_until, beat_at;
    struct unanswered unanswered[UNANSWERED_MAX];
    size_t unanswered_size;

    enum phase phase;
    uint64_t number;  /* the last one used: for requests and heartbeats alike, so that each tells its own answer */
    uint64_t request; /* the Checkout's */
    uint64_t handle;  /* of the seats, or of the place in the queue */
    double hold_until;
    int result; /* a license error's number, or one of the positive ones above */
} me = {.connection = -1};

/* Written by the signal handler, read in poll(). */
static int alarm_pipe[2];

static void interrupted(int signal_number)
{
    int kept = errno;
    (void)signal_number;
    if (write(alarm_pipe[1], "", 1) < 0) {
        /* The pipe is full, so that the loop will wake up in any case. */
    }
    errno = kept;
}

static void draw(void *bytes, size_t size)
{
    FILE *source = fopen("/dev/urandom", "rb");
    if (source == NULL || fread(bytes, 1, size, source) != size) {
        fprintf(stderr, "seatkeeper-client: /dev/urandom cannot be read, so there is no secret for a session.\n");
        exit(USAGE);
    }
    fclose(source);
}

static double least(double a, double b)
{
    return a < b ? a : b;
}

/* For poll(): rounded up, so that a moment that was waited for has come. */
static int milliseconds(double seconds)
{
    return seconds <= 0 ? 0 : 1 + (int)(least(seconds, 3600) * 1000);
}

/* Connection ------------------------------------------------------------------------------------------------------------- */

static void hang_up(void)
{
    if (me.connection >= 0)
        close(me.connection);
    me.connection = -1;
    me.in_size = 0;
    /* What was sent over it is answered no more. */
    me.unanswered_size = 0;
}

/* Waits until the connection can be read or written; false where it cannot in that time. */
static bool ready(short events, double deadline)
{
    for (;;) {
        struct pollfd one = {.fd = me.connection, .events = events};
        double left = deadline - now_s();
        int found = poll(&one, 1, milliseconds(left));
        if (found > 0)
            return true;
        if (found == 0 && left <= 0)
            return false;
        if (found < 0 && errno != EINTR)
            return false;
    }
}

static int transmit(const void *bytes, size_t size)
{
    const char *at = bytes;
    double deadline = now_s() + ANSWER_S;
    while (size > 0) {
        ssize_t sent = send(me.connection, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!ready(POLLOUT, deadline))
                return BROKEN;
        } else if (errno != EINTR) {
            return BROKEN;
        }
    }
    return 0;
}

/* Sends the message that was made. */
static int send_message(void)
{
    struct writer *w = &me.out;
    size_t body = w->size - HEADER_BYTES;
    if (w->full)
        return NOT_UNDERSTOOD;
    for (int i = 0; i < HEADER_BYTES; i++)
        w->data[i] = (unsigned char)(body >> (8 * (HEADER_BYTES - 1 - i)));
    return transmit(w->data, w->size);
}

/* Sends a message that will be answered under this number. */
static int ask(uint64_t number)
{
    if (me.unanswered_size == UNANSWERED_MAX)
        return NO_ANSWER;
    me.unanswered[me.unanswered_size++] = (struct unanswered){number, now_s()};
    return send_message();
}

/* The answer has come: the lease runs from when the question was sent ("The lease"). */
static void answered(uint64_t number)
{
    for (size_t i = 0; i < me.unanswered_size; i++) {
        if (me.unanswered[i].number == number) {
            double until = me.unanswered[i].at + me.lease_s;
            if (until > me.lease_until)
                me.lease_until = until;
            memmove(&me.unanswered[i], &me.unanswered[i + 1], (me.unanswered_size - i - 1) * sizeof me.unanswered[0]);
            me.unanswered_size--;
            return;
        }
    }
}

/* Takes the next whole frame from what has been read. 1: there is one; 0: it is not all there; else a license error. */
static int next_frame(struct piece *body)
{
    size_t size = 0;
    if (me.in_size < HEADER_BYTES)
        return 0;
    for (int i = 0; i < HEADER_BYTES; i++)
        size = size << 8 | me.in[i];
    if (size == 0 || size > FRAME_BYTES_MAX)
        return NOT_UNDERSTOOD;
    if (me.in_size < HEADER_BYTES + size)
        return 0;
    *body = (struct piece){(const char *)me.in + HEADER_BYTES, size};
    return 1;
}

/* The frame that next_frame found is dealt with. */
static void drop_frame(struct piece body)
{
    size_t whole = HEADER_BYTES + body.size;
    memmove(me.in, me.in + whole, me.in_size - whole);
    me.in_size -= whole;
}

/* Reads what is there. The buffer has room for one frame, and frames are taken from it before more is read. */
static int receive(void)
{
    ssize_t size = recv(me.connection, me.in + me.in_size, sizeof me.in - me.in_size, 0);
    if (size > 0)
        me.in_size += (size_t)size;
    else if (size == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        return BROKEN;
    return 0;
}

/* Connects to one address; 0, or a license error. */
static int connect_address(const struct addrinfo *address)
{
    me.connection = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (me.connection < 0)
        return NO_CONNECTION;
    int on = 1, failed = 0;
    socklen_t size = sizeof failed;
    setsockopt(me.connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(me.connection, F_SETFL, O_NONBLOCK);
    if (connect(me.connection, address->ai_addr, address->ai_addrlen) == 0)
        return 0;
    if (errno == EINPROGRESS && ready(POLLOUT, now_s() + CONNECT_S) &&
        getsockopt(me.connection, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0)
        return 0;
    hang_up();
    return NO_CONNECTION;
}

static int connect_host(const char *port)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(me.host, port, &hints, &found) != 0)
        return NO_HOST;
    int number = NO_CONNECTION;
    for (const struct addrinfo *one = found; one != NULL && number != 0; one = one->ai_next)
        number = connect_address(one);
    freeaddrinfo(found);
    return number;
}

/* Greeting --------------------------------------------------------------------------------------------------------------- */

static int send_greeting(void)
{
    unsigned char preface[6 + VENDOR_BYTES_MAX] = "SEAT";
    size_t length = strlen(me.vendor);
    preface[4] = PROTOCOL;
    preface[5] = (unsigned char)length; /* without the high bit: no TLS */
    memcpy(preface + 6, me.vendor, length);
    int number = transmit(preface, 6 + length);
    if (number != 0)
        return number;

    unsigned char nonce[NONCE_BYTES];
    draw(nonce, sizeof nonce);
    struct writer *w = &me.out;
    begin(w, HELLO, 12);
    put_number(w, PROTOCOL);
    put_text(w, me.vendor);
    put_bytes(w, me.session, sizeof me.session);
    put_bytes(w, nonce, sizeof nonce);
    put_text(w, me.user);
    put_text(w, me.machine);
    put_text(w, me.display);
    put_number(w, (uint64_t)getpid());
    put_text(w, "");
    put_text(w, "seatkeeper-client");
    /* What it does not name the server takes back ("Coming back"). */
    put_list(w, me.phase == HELD);
    if (me.phase == HELD)
        put_number(w, me.handle);
    bool waits = me.request != 0 && (me.phase == ASKED || me.phase == WAITING);
    put_list(w, waits);
    if (waits)
        put_number(w, me.request);
    return send_message();
}

static int refused(struct fields *f)
{
    int64_t number = get_integer(next(f));
    struct piece reason = {"", 0};
    if (more(f))
        reason = get_text(f->r);
    if (f->r->bad || number >= 0 || number < -1000)
        return NOT_UNDERSTOOD;
    say("refused: %lld ", (long long)number);
    say_piece(reason);
    end_line();
    return (int)number;
}

/* Takes note of a Welcome, which answers the Hello that left at `sent`. `*held`: whether it names our handle. */
static int welcomed(struct fields *f, double sent, bool *held)
{
    int64_t protocol = get_integer(next(f));
    struct piece server = get_text(next(f)), release = get_text(next(f));
    double heartbeat_s = get_real(next(f)), lease_s = get_real(next(f));
    *held = false;
    size_t handles = get_list(next(f));
    while (handles-- > 0 && !f->r->bad)
        if (get_integer(f->r) == (int64_t)me.handle)
            *held = true;
    /* hostids, trust, chain and proof follow; README.md says why they are left unread. */
    if (f->r->bad || protocol != PROTOCOL || !(heartbeat_s > 0 && heartbeat_s <= lease_s && lease_s >= LEASE_S_MIN && lease_s <= LEASE_S_MAX))
        return NOT_UNDERSTOOD;
    me.heartbeat_s = heartbeat_s > HEARTBEAT_S_MIN ? heartbeat_s : HEARTBEAT_S_MIN;
    me.lease_s = lease_s;
    me.lease_until = sent + lease_s;
    me.beat_at = now_s() + me.heartbeat_s;
    say("welcome: ");
    say_piece(server);
    say(" ");
    say_piece(release);
    say(", lease %g s, heartbeat %g s", lease_s, heartbeat_s);
    end_line();
    return 0;
}

/* Waits for the answer to a Hello. `*port` is set where that is Elsewhere. */
static int await_welcome(bool *held, char port[static 8])
{
    double sent = now_s(), deadline = sent + GREET_S;
    struct piece body;
    int found;
    while ((found = next_frame(&body)) == 0) {
        if (!ready(POLLIN, deadline))
            return NO_ANSWER;
        int number = receive();
        if (number != 0)
            return number;
    }
    if (found < 0)
        return found;
    struct reader r = {(const unsigned char *)body.data, (const unsigned char *)body.data + body.size, false};
    struct fields f = {&r, get_list(&r)};
    int64_t tag = get_integer(next(&f));
    int number = NOT_UNDERSTOOD;
    if (tag == WELCOME) {
        number = welcomed(&f, sent, held);
    } else if (tag == REFUSED) {
        number = refused(&f);
    } else if (tag == ELSEWHERE) {
        int64_t other = get_integer(next(&f));
        number = r.bad ? NOT_UNDERSTOOD : other < 1 || other > 65535 ? NO_CONNECTION : 0;
        if (number == 0)
            snprintf(port, 8, "%u", (unsigned)other);
    }
    drop_frame(body);
    return number;
}

/* Opens the session, or takes it up again; 0, or why not. */
static int greet(bool *held)
{
    char port[8];
    const char *to = me.port;
    for (int hop = 0; hop <= ELSEWHERE_MAX; hop++) {
        int number = connect_host(to);
        if (number != 0)
            return number;
        port[0] = '\0';
        number = send_greeting();
        if (number == 0 || number == BROKEN)
            /* A server that refuses may have closed before all was sent; what it said is worth reading. */
            number = await_welcome(held, port);
        if (number != 0)
            hang_up();
        if (number != 0 || port[0] == '\0')
            return number;
        hang_up();
        to = port;
    }
    return NO_CONNECTION;
}

/* Requests --------------------------------------------------------------------------------------------------------------- */

static int send_checkout(void)
{
    if (me.request == 0)
        me.request = ++me.number; /* a repeated Checkout keeps its number ("Requests and retries") */
    struct writer *w = &me.out;
    begin(w, CHECKOUT, me.queue ? 7 : 4);
    put_number(w, me.request);
    put_text(w, me.feature);
    put_text(w, me.version);
    put_number(w, me.count);
    if (me.queue) {
        put_flag(w, false); /* up_to */
        put_text(w, "");    /* display */
        put_flag(w, true);
    }
    return ask(me.request);
}

static int send_checkin(void)
{
    struct writer *w = &me.out;
    begin(w, CHECKIN, 2);
    put_number(w, ++me.number);
    put_number(w, me.handle);
    me.phase = RETURNING;
    return ask(me.number);
}

static int send_heartbeat(void)
{
    begin(&me.out, HEARTBEAT, 1);
    put_number(&me.out, ++me.number);
    me.beat_at = now_s() + me.heartbeat_s;
    return ask(me.number);
}

/* Ends the session, and reads to the end of the connection, so that the Goodbye is not lost to unread answers. */
static void send_goodbye(void)
{
    double deadline = now_s() + FAREWELL_S;
    begin(&me.out, GOODBYE, 0);
    if (me.connection < 0 || send_message() != 0)
        return;
    do
        me.in_size = 0;
    while (ready(POLLIN, deadline) && receive() == 0);
}

/* Answers ---------------------------------------------------------------------------------------------------------------- */

static int granted(struct fields *f)
{
    uint64_t request = (uint64_t)get_integer(next(f)), handle = (uint64_t)get_integer(next(f));
    int64_t count = get_integer(next(f));
    struct piece version = {"", 0}, expiry = {"", 0};
    if (more(f))
        version = get_text(f->r);
    if (more(f))
        expiry = get_text(f->r);
    if (f->r->bad)
        return NOT_UNDERSTOOD;
    answered(request);
    if (request != me.request || (me.phase != ASKED && me.phase != WAITING))
        return 0; /* it crossed with a Checkin of the same handle, which gives it back */
    me.phase = HELD;
    me.handle = handle;
    me.hold_until = now_s() + me.hold_s;
    say("granted: handle %llu, %lld of %s ", (unsigned long long)handle, (long long)count, me.feature);
    say_piece(version);
    say(" ");
    say_piece(expiry);
    end_line();
    return 0;
}

static int denied(struct fields *f)
{
    uint64_t request = (uint64_t)get_integer(next(f));
    int64_t number = get_integer(next(f));
    struct piece reason = {"", 0}, rule = {"", 0};
    if (more(f))
        get_integer(f->r);
    if (more(f))
        reason = get_text(f->r);
    if (more(f))
        rule = get_text(f->r);
    if (f->r->bad || number >= 0 || number < -1000)
        return NOT_UNDERSTOOD;
    answered(request);
    if (request != me.request)
        return 0;
    me.phase = OVER;
    me.result = (int)number;
    say("denied: %d ", me.result);
    say_piece(reason);
    end_line();
    if (rule.size > 0) {
        say("  rule: ");
        say_piece(rule);
        end_line();
    }
    size_t holders = more(f) ? get_list(f->r) : 0;
    while (holders-- > 0 && !f->r->bad) {
        say("  held by ");
        say_piece(get_text(f->r));
        end_line();
    }
    return f->r->bad ? NOT_UNDERSTOOD : 0;
}

static int queued(struct fields *f)
{
    uint64_t request = (uint64_t)get_integer(next(f)), handle = (uint64_t)get_integer(next(f));
    int64_t position = get_integer(next(f));
    if (f->r->bad)
        return NOT_UNDERSTOOD;
    answered(request);
    if (request != me.request || (me.phase != ASKED && me.phase != WAITING))
        return 0;
    me.phase = WAITING;
    me.handle = handle;
    say("queued: handle %llu, place %lld", (unsigned long long)handle, (long long)position);
    end_line();
    return 0;
}

static int returned(struct fields *f)
{
    uint64_t request = (uint64_t)get_integer(next(f)), handle = (uint64_t)get_integer(next(f));
    int64_t number = more(f) ? get_integer(f->r) : 0;
    if (f->r->bad || number > 0 || number < -1000)
        return NOT_UNDERSTOOD;
    answered(request);
    if (me.phase != RETURNING || handle != me.handle)
        return 0;
    me.phase = OVER;
    if (number != 0)
        me.result = (int)number;
    say("returned: handle %llu, number %lld", (unsigned long long)handle, (long long)number);
    end_line();
    return 0;
}

static int lost(struct fields *f)
{
    uint64_t handle = (uint64_t)get_integer(next(f));
    int64_t number = get_integer(next(f));
    struct piece reason = {"", 0};
    if (more(f))
        reason = get_text(f->r);
    if (f->r->bad)
        return NOT_UNDERSTOOD;
    if (me.phase != HELD || handle != me.handle)
        return 0; /* it crossed with our Checkin */
    say("lost: handle %llu, number %lld ", (unsigned long long)handle, (long long)number);
    say_piece(reason);
    end_line();
    if (number != 0)
        return 0; /* still held, in violation; the license may come back */
    /* Others get the seats when this is confirmed. */
    me.result = TAKEN_AWAY;
    return send_checkin();
}

static int restored(struct fields *f)
{
    uint64_t handle = (uint64_t)get_integer(next(f));
    if (!f->r->bad && me.phase == HELD && handle == me.handle) {
        say("restored: handle %llu", (unsigned long long)handle);
        end_line();
    }
    return f->r->bad ? NOT_UNDERSTOOD : 0;
}

/* Deals with one message of the open session; 0, or why the connection cannot go on. */
static int take_message(struct piece body)
{
    struct reader r = {(const unsigned char *)body.data, (const unsigned char *)body.data + body.size, false};
    struct fields f = {&r, get_list(&r)};
    int64_t tag = get_integer(next(&f));
    switch (r.bad ? 0 : tag) {
    case GRANTED:
        return granted(&f);
    case DENIED:
        return denied(&f);
    case QUEUED:
        return queued(&f);
    case RETURNED:
        return returned(&f);
    case LOST:
        return lost(&f);
    case RESTORED:
        return restored(&f);
    case BEAT:
        answered((uint64_t)get_integer(next(&f)));
        return r.bad ? NOT_UNDERSTOOD : 0;
    case REFUSED:
        return refused(&f);
    default:
        return NOT_UNDERSTOOD;
    }
}

/* Life ------------------------------------------------------------------------------------------------------------------- */

/* Waits for so long, or for a signal; true where one came. */
static bool rest(double seconds)
{
    double deadline = now_s() + seconds;
    for (;;) {
        struct pollfd one = {.fd = alarm_pipe[0], .events = POLLIN};
        double left = deadline - now_s();
        if (left <= 0)
            return false;
        if (poll(&one, 1, milliseconds(left)) > 0)
            return true;
    }
}

/* Whether coming back would only meet the same again ("Numbers"). */
static bool is_final(int number)
{
    return number == NOT_UNDERSTOOD || number == -83 || number == -133 || number == -134;
}

/* The connection is gone: connects again, with the same session, until the lease is over ("Coming back"). */
static int come_back(int why)
{
    bool held = false;
    hang_up();
    if (me.phase == RETURNING) {
        /* A greeting that does not name the handle would return it, and so does a session that does not come back. */
        me.phase = OVER;
        return 0;
    }
    if (is_final(why))
        return why;
    say("disconnected: %d", why);
    end_line();
    for (int attempt = 0;; attempt++) {
        uint32_t drawn;
        draw(&drawn, sizeof drawn);
        double longest = least(least(0.5 * (double)(1 << (attempt < 10 ? attempt : 10)), BACKOFF_S), me.lease_s / 3);
        if (rest(longest * ((double)drawn / 4294967296.0)))
            return 0; /* a signal: what the server still keeps, it keeps until the lease is over */
        if (now_s() >= me.lease_until)
            return why;
        int number = greet(&held);
        if (number == 0)
            break;
        why = number;
        if (is_final(why))
            return why;
    }
    if (me.phase == HELD && !held) {
        say("gone: handle %llu", (unsigned long long)me.handle);
        end_line();
        me.result = TAKEN_AWAY;
        me.phase = OVER;
        return 0;
    }
    if (me.phase == HELD) {
        say("back: handle %llu is still held", (unsigned long long)me.handle);
        end_line();
        return 0;
    }
    return send_checkout();
}

/* What is due now is done; 0, or why the connection cannot go on. */
static int do_what_is_due(bool *stopped)
{
    double now = now_s();
    if (me.unanswered_size > 0 && now - me.unanswered[0].at >= least(ANSWER_S, me.lease_s / 3))
        return NO_ANSWER;
    if (*stopped && (me.phase == HELD || me.phase == WAITING))
        return send_checkin();
    if (*stopped && me.phase == ASKED) {
        me.phase = OVER; /* the Goodbye returns what may yet be granted */
        return 0;
    }
    if (me.phase == HELD && now >= me.hold_until)
        return send_checkin();
    if (now >= me.beat_at)
        return send_heartbeat();
    return 0;
}

/* How long nothing is due. */
static double idle_s(void)
{
    double at = me.beat_at;
    if (me.phase == HELD)
        at = least(at, me.hold_until);
    if (me.unanswered_size > 0)
        at = least(at, me.unanswered[0].at + least(ANSWER_S, me.lease_s / 3));
    at = least(at, me.lease_until) - now_s();
    return at > 0 ? at : 0;
}

/* Deals with all whole frames that have been read; 0, or why the connection cannot go on. */
static int take_frames(void)
{
    struct piece body;
    int found, number = 0;
    while (number == 0 && (found = next_frame(&body)) != 0) {
        number = found < 0 ? found : take_message(body);
        if (found > 0)
            drop_frame(body);
    }
    return number;
}

/* Waits for the server, for a signal, or until something is due, and reads what has come. */
static int await(bool *stopped)
{
    struct pollfd both[2] = {{.fd = me.connection, .events = POLLIN}, {.fd = alarm_pipe[0], .events = POLLIN}};
    if (poll(both, *stopped ? 1 : 2, milliseconds(idle_s())) <= 0)
        return 0;
    *stopped = *stopped || both[1].revents != 0;
    return both[0].revents == 0 ? 0 : receive();
}

static int serve(void)
{
    bool held = false, stopped = false;
    int number = greet(&held);
    if (number == 0)
        number = send_checkout();
    while (number == 0 && me.phase != OVER) {
        /* What came directly behind the Welcome has been read with it. */
        int failed = take_frames();
        if (failed == 0 && me.phase != OVER)
            failed = do_what_is_due(&stopped);
        if (failed == 0 && me.phase != OVER)
            failed = await(&stopped);
        if (failed != 0 && me.phase != OVER) {
            number = come_back(failed);
            if (number == 0 && me.connection < 0)
                break;
        }
        if (number == 0 && me.phase != OVER && now_s() >= me.lease_until)
            number = BROKEN; /* the seats may be another's by now */
    }
    send_goodbye();
    hang_up();
    return number != 0 ? number : me.result;
}

/* Command line ----------------------------------------------------------------------------------------------------------- */

static void note(char into[static 1024], const char *name)
{
    int length = name == NULL ? -1 : characters(piece_of(name));
    snprintf(into, 1024, "%s", length < 1 || length > NAME_CHARS_MAX ? "?" : name);
}

static int usage(const char *why)
{
    fprintf(stderr,
            "seatkeeper-client: %s.\n"
            "usage: seatkeeper-client HOST PORT VENDOR FEATURE VERSION COUNT [--hold SECONDS] [--queue]\n"
            "An empty VERSION means any. Ends with 0, or with the low byte of the license error (-4: 252).\n",
            why);
    return USAGE;
}

int main(int argc, char **argv)
{
    char *end = NULL;
    if (argc < 7)
        return usage("too few words");
    me.host = argv[1];
    me.port = argv[2];
    me.vendor = argv[3];
    me.feature = argv[4];
    me.version = argv[5];
    if (characters(piece_of(me.vendor)) < 1 || strlen(me.vendor) > VENDOR_BYTES_MAX)
        return usage("VENDOR is the vendor daemon's name, of at most 64 bytes");
    if (characters(piece_of(me.feature)) < 1 || characters(piece_of(me.feature)) > NAME_CHARS_MAX)
        return usage("FEATURE is a name of at most 256 characters");
    if (characters(piece_of(me.version)) < 0 || characters(piece_of(me.version)) > VERSION_CHARS_MAX)
        return usage("VERSION has at most 32 characters, like 8.5");
    long long count = strtoll(argv[6], &end, 10);
    if (*argv[6] == '\0' || *end != '\0' || count < 1 || count > INT32_MAX)
        return usage("COUNT is a number of seats, 1 or more");
    me.count = (uint64_t)count;
    for (int i = 7; i < argc; i++) {
        if (strcmp(argv[i], "--queue") == 0) {
            me.queue = true;
        } else if (strcmp(argv[i], "--hold") == 0 && i + 1 < argc) {
            me.hold_s = strtod(argv[++i], &end);
            if (*argv[i] == '\0' || *end != '\0' || !(me.hold_s >= 0 && me.hold_s <= 1e9))
                return usage("--hold wants a number of seconds");
        } else {
            return usage("there are no options but --hold SECONDS and --queue");
        }
    }

    char machine[256] = "";
    gethostname(machine, sizeof machine - 1);
    const struct passwd *account = getpwuid(geteuid());
    const char *login = getenv("LOGNAME");
    note(me.user, login != NULL && *login != '\0' ? login : account != NULL ? account->pw_name : NULL);
    note(me.machine, machine);
    note(me.display, isatty(0) ? ttyname(0) : "none");
    draw(me.session, sizeof me.session);

    if (pipe(alarm_pipe) != 0)
        return usage("the system has no pipe for signals");
    fcntl(alarm_pipe[1], F_SETFL, O_NONBLOCK);
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    int number = serve();
    if (number < 0 && me.phase != OVER) {
        say("failed: %d", number);
        end_line();
    }
    return number & 0xff;
}
