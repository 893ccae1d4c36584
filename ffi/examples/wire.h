/* What a lookup needs of DNS and HTTPS, for programs that block and for programs that do not. */
#ifndef EXAMPLE_WIRE_H
#define EXAMPLE_WIRE_H

#include <mtasts.h>

#include <curl/curl.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings {
    const char *dns;        /* ADDRESS:PORT of the name server; NULL for those of the system */
    const char *ca;         /* a PEM file of CAs; NULL for those of the system */
    const char *connect_to; /* [HOST]:PORT; NULL for the policy host's port 443 */
    bool allow_loopback;    /* policy hosts may have loopback addresses */
    long timeout;           /* in seconds */
};

#define SETTINGS_DEFAULT {NULL, NULL, NULL, false, 60}

/* The library has no clock: this is the one of the examples. */
int64_t now(void);

/* Hands the TXT records of a DNS answer to a lookup, and says how the question ended. */
mtasts_txt_status take_txt(mtasts_lookup *lookup, const unsigned char *answer, size_t len);

/* The addresses of a policy host, those that may be connected to. */
struct addresses {
    char list[512]; /* separated by commas, IPv6 in brackets: as CURLOPT_RESOLVE wants them */
    bool refused;   /* there are others, which may not be connected to */
};

/* Adds an address, AF_INET or AF_INET6, in network byte order. */
void add_address(struct addresses *addresses, const struct settings *settings, int family, const void *address);

/* Whether policy hosts need to be resolved at all. */
bool needs_addresses(const struct settings *settings);

/* One HTTPS fetch. Zeroes are an empty one. */
struct fetch {
    mtasts_lookup *lookup;
    CURL *easy;
    struct curl_slist *connect_to;
    struct curl_slist *resolve;
    bool head_taken;
    bool over;            /* the lookup wants no more of it */
    mtasts_result result; /* the first error of the library */
};

/* Makes fetch->easy ready for curl_easy_perform() or a multi handle. If it stays NULL there is nothing to
 * perform: the fetch has failed, and the lookup knows. */
mtasts_result fetch_begin(struct fetch *fetch, mtasts_lookup *lookup, const struct settings *settings,
    const struct addresses *addresses);

/* Tells the lookup how the transfer ended, and gives back what the fetch holds. */
mtasts_result fetch_end(struct fetch *fetch, CURLcode code);

/* Gives back what the fetch holds. */
void fetch_drop(struct fetch *fetch);

#endif
