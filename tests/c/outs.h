/* Out parameters of every kind, filled with a pattern, so that it shows if a refused call wrote one. */
#ifndef OUTS_H
#define OUTS_H

#include "check.h"

struct outs {
    mtasts_client *client;
    mtasts_config *config;
    mtasts_entry *entry;
    mtasts_lookup *lookup;
    mtasts_policy *policy;
    mtasts_problems *problems;
    mtasts_ruling *ruling;
    mtasts_tlsrpt *tlsrpt;
    mtasts_txt *txt;
    mtasts_str str;
    mtasts_problem problem;
    /* Every type of number is one of these. */
    uint32_t number;
    uint64_t large;
    int64_t time;
    int32_t fd;
    size_t size, need;
    char chars[64];
    uint8_t octets[64];
};

enum { OUTS_PATTERN = 0xa5 };

static struct outs out;

static inline void outs_fill(void) { memset(&out, OUTS_PATTERN, sizeof out); }

static inline bool outs_untouched(void) {
    const unsigned char *octet = (const unsigned char *)&out;
    for (size_t i = 0; i < sizeof out; i++)
        if (octet[i] != OUTS_PATTERN) return false;
    return true;
}

/* The call is refused with this result and writes nothing. Its out parameters are members of `out`. */
#define REFUSED(result, call)                                                    \
    do {                                                                         \
        outs_fill();                                                             \
        CHECK_RESULT(call, result);                                              \
        check_true(outs_untouched(), "writes nothing: " #call, __FILE__, __LINE__); \
    } while (0)

#endif
