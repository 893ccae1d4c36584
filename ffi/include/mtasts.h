/* mtasts.h - MTA-STS (RFC 8461) for mail servers: policies, MX matching, lookups without IO,
 * and questions to a daemon that does the lookups.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Seven conventions hold for every function here.
 *
 * 1. Results. A function that can fail returns an mtasts_result. Answers come through out
 *    parameters, which are written only if MTASTS_OK is returned. 0 is never an answer: what was
 *    not answered stays MTASTS_DECISION_UNKNOWN, MTASTS_WANT_FAILED or MTASTS_UNKNOWN if it was set
 *    so before, and means that the message is deferred. Numbers are never reused or renumbered; take
 *    one that you do not know for the worst.
 * 2. Ownership. An object that comes through an "mtasts_TYPE **" belongs to the caller, who frees it
 *    once with mtasts_TYPE_free(). NULL may be freed. Arguments are only borrowed for the call.
 * 3. Strings and octets. In: a pointer and a length, no NUL needed; NULL is fine for the length 0.
 *    Out: an mtasts_str that lives as long as the object it was asked of (or is static). Its data has
 *    a NUL at the end and holds no other control character. Into a buffer: call with NULL and 0 to
 *    learn the octets needed, then again with the buffer; MTASTS_E_SPACE if it is too small.
 * 4. NULL where an object or an out parameter is needed is MTASTS_E_NULL.
 * 5. Threads. An object is used by one thread at a time, except that functions which take it as
 *    const may run together. There is no global state to set up, so fork() as you like.
 * 6. Errors inside. A panic of the library is caught: the call returns MTASTS_E_PANIC, and so does
 *    every later call with an object that took part in it. Nothing is printed. If memory runs out the
 *    process is aborted.
 * 7. Time is an int64_t, whole seconds since 1970-01-01 00:00 UTC, handed in by the caller. A
 *    negative time is MTASTS_E_TIME. The library has no clock; only an mtasts_client measures how
 *    long it waits, and only it does IO.
 *
 * The caller's duty, which no library can check: pointers are valid for the lengths given, nothing is
 * freed twice or used after it was freed.
 */

#ifndef MTASTS_H
#define MTASTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header: changes that break programs. */
#define MTASTS_VERSION_MAJOR 0

/** The version of this header: additions. While the major version is 0, these too may break programs. */
#define MTASTS_VERSION_MINOR 1

/** The version of this header: corrections. */
#define MTASTS_VERSION_PATCH 0

/** The version of this header as one number that grows, for #if. */
#define MTASTS_VERSION_NUMBER (((MTASTS_VERSION_MAJOR << 24) | (MTASTS_VERSION_MINOR << 16)) | (MTASTS_VERSION_PATCH << 8))

/** The number of the binary interface; that of the SONAME, libmtasts.so.0. */
#define MTASTS_ABI 0

/**
 * A connection to the daemon, `mta-sts serve`, for questions one after the other. It is not used
 * by two processes: one that was used before fork() is made anew in the child.
 */
typedef struct mtasts_client mtasts_client;

/** The limits of a lookup. Where a function takes one, NULL means the defaults. */
typedef struct mtasts_config mtasts_config;

/**
 * What a cache holds for one policy domain: the policy, when it was fetched and checked, and
 * what failed.
 */
typedef struct mtasts_entry mtasts_entry;

/** One lookup for one policy domain. */
typedef struct mtasts_lookup mtasts_lookup;

/** A valid policy (RFC 8461 section 3.2). */
typedef struct mtasts_policy mtasts_policy;

/** What is to be said about a policy body. */
typedef struct mtasts_problems mtasts_problems;

/** What the daemon decided for a domain. */
typedef struct mtasts_ruling mtasts_ruling;

/** The valid record of _smtp._tls.DOMAIN, where DOMAIN is the policy domain. */
typedef struct mtasts_tlsrpt mtasts_tlsrpt;

/** The TXT records of one owner name, as DNS answered them. */
typedef struct mtasts_txt mtasts_txt;

/**
 * A text that belongs to an object, or is static. `data[len]` is a NUL, and there is no other
 * NUL or control character in it.
 */
typedef struct {
    /**
     * The first octet; never NULL in a text that the library handed out.
     */
    const char *data;
    /**
     * How many octets there are before the NUL.
     */
    size_t len;
} mtasts_str;

/** What a call came to: MTASTS_OK or one of MTASTS_E_*. */
typedef int32_t mtasts_result;
/** Done. Only now the out parameters were written. */
#define MTASTS_OK 0
/** A pointer is NULL that must not be. */
#define MTASTS_E_NULL (-1)
/**
 * An error inside the library was caught, now or in an earlier call with this object. Free the
 * object and defer the message.
 */
#define MTASTS_E_PANIC (-2)
/** A number is none of those named for its type, or out of its range. */
#define MTASTS_E_VALUE (-3)
/** A time is negative. */
#define MTASTS_E_TIME (-4)
/** A length is over the limit. */
#define MTASTS_E_TOO_LARGE (-5)
/** The object does not want this now, or has no answer yet. Nothing was changed. */
#define MTASTS_E_OUT_OF_TURN (-6)
/** The buffer is too small. Ask with NULL and 0 how large it must be. */
#define MTASTS_E_SPACE (-7)
/** There is no such thing: an index past the end, a policy where none applies, a value not set. */
#define MTASTS_E_ABSENT (-8)
/** The name is not a policy domain. mtasts_domain_problem() says why. */
#define MTASTS_E_DOMAIN (-9)
/** The policy is not valid. mtasts_problems_new() says why. */
#define MTASTS_E_POLICY (-10)
/** The MX pattern is not valid. mtasts_pattern_problem() says why. */
#define MTASTS_E_PATTERN (-11)
/** The octets are not what was encoded, or not in DNS form: cut, garbled or of another version. */
#define MTASTS_E_FORMAT (-12)
/** The cache entry belongs to another domain. */
#define MTASTS_E_OTHER_DOMAIN (-13)
/** No record has the right version (RFC 8461 section 3.1, RFC 8460 section 3). */
#define MTASTS_E_NO_RECORD (-14)
/** Several records have the right version, and there must be one. */
#define MTASTS_E_SEVERAL_RECORDS (-15)
/** The record, or the id given, is not what the grammar allows. */
#define MTASTS_E_RECORD (-16)
/**
 * The daemon gave no answer that can be trusted: defer the message, unless the administrator has
 * chosen otherwise. mtasts_client_problem() says why.
 */
#define MTASTS_E_UNAVAILABLE (-17)
/** Not yet: wait for the file descriptor or the time, and continue. */
#define MTASTS_E_AGAIN (-18)
/**
 * The daemon answers that mail for the domain has to wait: defer the message, whatever was chosen
 * for MTASTS_E_UNAVAILABLE. mtasts_client_problem() says why.
 */
#define MTASTS_E_WAIT (-19)

/** An answer that is yes or no. 0 is neither. */
typedef uint32_t mtasts_answer;
/** Not answered. */
#define MTASTS_UNKNOWN 0
/** No. */
#define MTASTS_NO 1
/** Yes. */
#define MTASTS_YES 2

/** What to do with mail for the domain (RFC 8461 section 5). */
typedef uint32_t mtasts_decision;
/** Not decided: defer the message. */
#define MTASTS_DECISION_UNKNOWN 0
/** Deliver as if the domain had no MTA-STS. */
#define MTASTS_DECISION_NO_POLICY 1
/** Deliver, and report hosts that fail the policy (RFC 8460). */
#define MTASTS_DECISION_TESTING 2
/**
 * Deliver only to MX hosts that the policy permits, over TLS with a certificate that is valid
 * for the MX host.
 */
#define MTASTS_DECISION_ENFORCE 3
/**
 * Deliver to hosts with TLSA records by DANE, to others as if the domain had no MTA-STS. Only
 * the daemon decides so.
 */
#define MTASTS_DECISION_DANE 4
/**
 * Deliver only to hosts with TLSA records, by DANE: an enforced policy lets no others in. Only
 * the daemon decides so.
 */
#define MTASTS_DECISION_DANE_ONLY 5

/** What a lookup wants its caller to do. */
typedef uint32_t mtasts_want;
/** It is broken: free it and defer the message. */
#define MTASTS_WANT_FAILED 0
/** Nothing: it has ended. */
#define MTASTS_WANT_NOTHING 1
/** Ask DNS for the TXT records of mtasts_lookup_txt_name(). */
#define MTASTS_WANT_TXT 2
/** GET mtasts_lookup_https_url(). */
#define MTASTS_WANT_HTTPS 3

/** Why a domain is looked up. */
typedef uint32_t mtasts_intent;
/** A message is about to be delivered. */
#define MTASTS_INTENT_DELIVER 1
/**
 * A message failed under an enforce policy and would now be returned to its sender. DNS is
 * always asked (RFC 8461 sections 5 and 5.1).
 */
#define MTASTS_INTENT_BEFORE_BOUNCE 2
/**
 * Nothing is waiting; the cached policy is renewed before it ends (RFC 8461 sections 3.3, 10.2).
 * mtasts_entry_refresh_at() says when that is due.
 */
#define MTASTS_INTENT_REFRESH 3

/** How the question for TXT records ended. */
typedef uint32_t mtasts_txt_status;
/** There are records; they were handed in before. */
#define MTASTS_TXT_RECORDS 1
/** There is none: NXDOMAIN, or an empty answer. */
#define MTASTS_TXT_ABSENT 2
/** It could not be learnt whether there are any: SERVFAIL, REFUSED, a time-out, a broken answer. */
#define MTASTS_TXT_TEMPFAIL 3

/** The mode of a policy (RFC 8461 section 5). */
typedef uint32_t mtasts_mode;
/** Mail must not go to a host that fails the policy. */
#define MTASTS_MODE_ENFORCE 1
/** Failures are reported, and mail is delivered. */
#define MTASTS_MODE_TESTING 2
/** As if there were no policy. */
#define MTASTS_MODE_NONE 3

/** What a lookup does to the cache. */
typedef uint32_t mtasts_cache;
/** Nothing: there is no need to write. */
#define MTASTS_CACHE_KEEP 1
/** A policy was fetched. */
#define MTASTS_CACHE_FETCHED 2
/** DNS was asked, and the policy held stays. */
#define MTASTS_CACHE_CHECKED 3
/** A fetch failed, and what is held stays. */
#define MTASTS_CACHE_FAILED 4

/** A setting of mtasts_config. */
typedef uint32_t mtasts_option;
/**
 * For how many seconds after DNS was asked a live policy is used without asking again; 300
 * unless set, 0 asks at each delivery (RFC 8461 section 5.1).
 */
#define MTASTS_OPTION_RECHECK_AFTER 1
/**
 * For how many seconds an id whose fetch failed is not fetched again; 300 unless set, and RFC
 * 8461 section 3.3 wants no less.
 */
#define MTASTS_OPTION_BACKOFF 2
/** The largest policy body in octets; 65536 unless set (RFC 8461 section 3.3). */
#define MTASTS_OPTION_MAX_BODY 3

/** A setting of mtasts_client. */
typedef uint32_t mtasts_client_option;
/** How many milliseconds a question may take, from 1 to 4294967295; 5000 unless set. */
#define MTASTS_CLIENT_OPTION_DEADLINE 1
/**
 * The user id that the daemon may have besides root's, from 0 to 4294967294. It is that of the
 * process which opened the daemon's socket: root's, if systemd did.
 */
#define MTASTS_CLIENT_OPTION_PEER_UID 2

/** What a lookup could not learn. Those up to 20 are failures of the fetch. */
typedef uint32_t mtasts_failure;
/** The policy host's certificate is not valid for it (RFC 8461 section 3.3). */
#define MTASTS_FAILURE_CERTIFICATE 1
/** No connection to the policy host. */
#define MTASTS_FAILURE_CONNECT 2
/** The policy host has no address. */
#define MTASTS_FAILURE_DNS 3
/** The body is content-encoded. Found by the library. */
#define MTASTS_FAILURE_ENCODING 4
/** The response is not HTTP. */
#define MTASTS_FAILURE_HTTP 5
/** The body ended before it was complete. */
#define MTASTS_FAILURE_INCOMPLETE 6
/** The Content-Type is not text/plain. Found by the library. */
#define MTASTS_FAILURE_MEDIA_TYPE 7
/** The policy host's addresses are not allowed to be connected to. */
#define MTASTS_FAILURE_NOT_ALLOWED 8
/**
 * The caller did not try, for a reason of its own such as too much under way. It is no fault of
 * the policy host, so it causes no back-off.
 */
#define MTASTS_FAILURE_NOT_TRIED 9
/** The body is not a valid policy. Found by the library. */
#define MTASTS_FAILURE_POLICY 10
/** A status other than 200. Found by the library. */
#define MTASTS_FAILURE_STATUS 11
/** It took too long. */
#define MTASTS_FAILURE_TIMEOUT 12
/** No TLS session, for a reason other than the certificate. */
#define MTASTS_FAILURE_TLS 13
/** The body is over the limit. Found by the library. */
#define MTASTS_FAILURE_TOO_LARGE 14
/** A fetch failed lately, so none was tried. */
#define MTASTS_FAILURE_BACKOFF 21
/** DNS did not say whether there is a record. */
#define MTASTS_FAILURE_DNS_TEMPORARY 22
/** There is no record, though a live policy says that there should be one. */
#define MTASTS_FAILURE_NO_RECORD 23
/** There are several records, and there must be one. */
#define MTASTS_FAILURE_SEVERAL_RECORDS 24
/** The record is not what the grammar allows. */
#define MTASTS_FAILURE_RECORD 25

/** The result types of RFC 8460 section 4.3, with the numbers that libtlsrpt has for them. */
typedef uint32_t mtasts_tlsrpt_result;
/** The MX host does not offer STARTTLS. */
#define MTASTS_TLSRPT_STARTTLS_NOT_SUPPORTED 201
/** The MX host's certificate does not name it. */
#define MTASTS_TLSRPT_CERTIFICATE_HOST_MISMATCH 202
/** The MX host's certificate has no trusted chain. */
#define MTASTS_TLSRPT_CERTIFICATE_NOT_TRUSTED 203
/** The MX host's certificate has expired. */
#define MTASTS_TLSRPT_CERTIFICATE_EXPIRED 204
/** Another failure, such as an MX host that the policy does not name. */
#define MTASTS_TLSRPT_VALIDATION_FAILURE 205
/** The policy could not be fetched. */
#define MTASTS_TLSRPT_STS_POLICY_FETCH_ERROR 301
/** The policy was fetched and is not valid. */
#define MTASTS_TLSRPT_STS_POLICY_INVALID 302
/** The policy host's certificate is not valid. */
#define MTASTS_TLSRPT_STS_WEBPKI_INVALID 303
/** The TLSA record and the certificate do not agree. */
#define MTASTS_TLSRPT_TLSA_INVALID 304
/** DNSSEC answers did not validate. */
#define MTASTS_TLSRPT_DNSSEC_INVALID 305
/** DANE was required and there was none. */
#define MTASTS_TLSRPT_DANE_REQUIRED 306

/** A problem of a policy (RFC 8461 section 3.2). Those up to 99 make it invalid. */
typedef uint32_t mtasts_problem_kind;
/** max_age is not 1 to 10 digits. */
#define MTASTS_PROBLEM_BAD_MAX_AGE 1
/** mode is not enforce, testing or none. */
#define MTASTS_PROBLEM_BAD_MODE 2
/** version is not STSv1. */
#define MTASTS_PROBLEM_BAD_VERSION 3
/** There is no max_age. */
#define MTASTS_PROBLEM_NO_MAX_AGE 4
/** There is no mode. */
#define MTASTS_PROBLEM_NO_MODE 5
/** There is no valid mx, and the mode is not none. */
#define MTASTS_PROBLEM_NO_MX 6
/** There is no version. */
#define MTASTS_PROBLEM_NO_VERSION 7
/** The body is larger than 65536 octets. */
#define MTASTS_PROBLEM_TOO_LARGE 8
/** A name and a colon, but neither a field nor a well-formed extension: ignored. */
#define MTASTS_PROBLEM_BAD_EXTENSION 101
/**
 * An mx that is not a valid pattern: it matches nothing. `detail` says why. If no other mx is
 * valid, the policy is not.
 */
#define MTASTS_PROBLEM_BAD_MX 102
/** A blank line: tolerated. */
#define MTASTS_PROBLEM_BLANK_LINE 103
/** A byte order mark hides the first field. */
#define MTASTS_PROBLEM_BYTE_ORDER_MARK 104
/** A field stands there a second time: ignored. */
#define MTASTS_PROBLEM_DUPLICATE 105
/** White space before the name: the line is no field. */
#define MTASTS_PROBLEM_LEADING_SPACE 106
/** max_age is over the maximum of 31557600 and shortened to it. */
#define MTASTS_PROBLEM_MAX_AGE_CLAMPED 107
/** A line without a colon: it is no field. */
#define MTASTS_PROBLEM_NO_COLON 108
/** White space before the colon: the line is no field. */
#define MTASTS_PROBLEM_SPACE_BEFORE_COLON 109
/** A problem that has no number of its own in this interface. */
#define MTASTS_PROBLEM_OTHER 199

/** Why a name is not a policy domain or not an MX pattern. */
typedef uint32_t mtasts_name_problem;
/** An octet that no host name has. */
#define MTASTS_NAME_BAD_OCTET 1
/** A label begins or ends with a hyphen. */
#define MTASTS_NAME_EDGE_HYPHEN 2
/** Nothing, or only a dot. */
#define MTASTS_NAME_EMPTY 3
/** Two dots in a row, or a leading dot. */
#define MTASTS_NAME_EMPTY_LABEL 4
/** An IP address or an address literal. */
#define MTASTS_NAME_IP_ADDRESS 5
/** A label of more than 63 octets. */
#define MTASTS_NAME_LABEL_TOO_LONG 6
/** A U-label where A-labels (xn--) are needed. */
#define MTASTS_NAME_NOT_ASCII 7
/** Too many octets: a policy domain has at most 244, an MX host 253. */
#define MTASTS_NAME_TOO_LONG 8
/** A "*" that is not the whole left-most label. */
#define MTASTS_NAME_WILDCARD 9
/** A problem that has no number of its own in this interface. */
#define MTASTS_NAME_OTHER 99

/** What is wrong inside a TXT record (RFC 8461 section 3.1, RFC 8460 section 3). */
typedef uint32_t mtasts_record_problem;
/** A field that is not name=value in the characters allowed. */
#define MTASTS_RECORD_BAD_FIELD 1
/** An id that is not 1 to 32 letters and digits. */
#define MTASTS_RECORD_BAD_ID 2
/** A destination that is not a URI. */
#define MTASTS_RECORD_BAD_URI 3
/** Nothing between two semicolons. */
#define MTASTS_RECORD_EMPTY_FIELD 4
/** No id. */
#define MTASTS_RECORD_NO_ID 5
/** No rua. */
#define MTASTS_RECORD_NO_RUA 6
/** A rua, but no mailto: or https: destination in it. */
#define MTASTS_RECORD_NO_USABLE_URI 7
/** A problem that has no number of its own in this interface. */
#define MTASTS_RECORD_OTHER 99

/**
 * One problem of a policy. This struct never changes.
 */
typedef struct {
    /**
     * What it is.
     */
    mtasts_problem_kind kind;
    /**
     * What is wrong with the name for MTASTS_PROBLEM_BAD_MX, else 0.
     */
    mtasts_name_problem detail;
    /**
     * The line, from 1.
     */
    uint32_t line;
    /**
     * The column in characters, from 1.
     */
    uint32_t column;
    /**
     * The first octet concerned, from 0.
     */
    size_t start;
    /**
     * The octet after the last one concerned.
     */
    size_t end;
} mtasts_problem;

/** What to wait for at a file descriptor; a sum. */
typedef uint32_t mtasts_events;
/** That it can be read. */
#define MTASTS_EVENT_READ 1
/** That it can be written. */
#define MTASTS_EVENT_WRITE 2

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/** The binary interface of the loaded library. If it is not MTASTS_ABI, do not go on. */
uint32_t mtasts_abi(void);

/**
 * Whether the loaded library has all that a program needs which was written for version
 * `major`.`minor`: the same major version, and at least that minor one.
 *
 *     if (!mtasts_version_check(MTASTS_VERSION_MAJOR, MTASTS_VERSION_MINOR))
 *         return EX_UNAVAILABLE;
 */
bool mtasts_version_check(uint32_t major, uint32_t minor);

/** The version of the loaded library as text, such as "0.1.0". The text is static. */
mtasts_str mtasts_version(void);

/** The name of a result, such as "out-of-turn"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_result_name(mtasts_result code);

/** The name of an answer: "yes", "no" or "unknown". The text is static. */
mtasts_str mtasts_answer_name(mtasts_answer code);

/**
 * The name of a decision, such as "enforce"; "unknown" for 0 and for a number without a name.
 * The text is static.
 */
mtasts_str mtasts_decision_name(mtasts_decision code);

/** The name of a want, such as "https"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_want_name(mtasts_want code);

/** The name of an intent, such as "deliver"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_intent_name(mtasts_intent code);

/** The name of a TXT status, such as "tempfail"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_txt_status_name(mtasts_txt_status code);

/** The word that stands in a policy for a mode; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_mode_name(mtasts_mode code);

/** The name of a cache effect, such as "fetched"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_cache_name(mtasts_cache code);

/** The name of an option, such as "recheck-after"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_option_name(mtasts_option code);

/** The name of a client's option, such as "deadline"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_client_option_name(mtasts_client_option code);

/** The name of a failure, such as "media-type"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_failure_name(mtasts_failure code);

/**
 * The word that stands in a TLSRPT report (RFC 8460 section 4.3), such as
 * "sts-policy-fetch-error"; "unknown" for a number without one. The text is static.
 */
mtasts_str mtasts_tlsrpt_result_name(mtasts_tlsrpt_result code);

/** The name of a policy's problem, such as "bad-mx"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_problem_kind_name(mtasts_problem_kind code);

/** The name of a name's problem, such as "edge-hyphen"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_name_problem_name(mtasts_name_problem code);

/** The name of a record's problem, such as "bad-id"; "unknown" for a number without one. The text is static. */
mtasts_str mtasts_record_problem_name(mtasts_record_problem code);

/**
 * The normal form of a policy domain: lower case, without a final dot. Use it as the key of a
 * cache. MTASTS_E_DOMAIN if the name is none: an address literal, a U-label, no host name. No
 * policy applies to such a name (RFC 8461 section 3.4), and nothing needs to be looked up.
 *
 * The text with its NUL goes into `buf`; with `buf` NULL and `cap` 0 only `need` is written, the
 * octets needed.
 */
mtasts_result mtasts_domain_normalize(const char *name,
                                      size_t name_len,
                                      char *buf,
                                      size_t cap,
                                      size_t *need);

/**
 * Why a name is not a policy domain, and at which octet (from 0). MTASTS_E_ABSENT if it is one.
 */
mtasts_result mtasts_domain_problem(const char *name,
                                    size_t name_len,
                                    mtasts_name_problem *problem,
                                    size_t *at);

/**
 * Whether an MX pattern as it stands in a policy matches an MX host, the name in the MX record
 * (RFC 8461 section 4.1). MTASTS_E_PATTERN if the pattern is not valid: it matches nothing.
 *
 * For the patterns of a policy there is mtasts_policy_permits_mx().
 */
mtasts_result mtasts_pattern_match(const char *pattern,
                                   size_t pattern_len,
                                   const char *mx_host,
                                   size_t mx_host_len,
                                   mtasts_answer *matches);

/**
 * Why an MX pattern is not valid, and at which octet (from 0). MTASTS_E_ABSENT if it is.
 */
mtasts_result mtasts_pattern_problem(const char *pattern,
                                     size_t pattern_len,
                                     mtasts_name_problem *problem,
                                     size_t *at);

/** Makes an RRset without records. */
mtasts_result mtasts_txt_new(mtasts_txt **txt);

/**
 * Adds a record, given as its character-strings joined without spaces (RFC 8461 section 3.1).
 * Records are never joined with each other.
 *
 * MTASTS_E_TOO_LARGE if the records no longer fit into a DNS message: the answer is broken, and
 * it is not known what the domain says.
 */
mtasts_result mtasts_txt_add(mtasts_txt *txt, const char *record, size_t record_len);

/**
 * Adds a record as it stands in a DNS message: its RDATA, where a length precedes each
 * character-string. MTASTS_E_FORMAT if the lengths do not add up; else as mtasts_txt_add().
 */
mtasts_result mtasts_txt_add_rdata(mtasts_txt *txt, const uint8_t *rdata, size_t rdata_len);

/**
 * The id in the one valid _mta-sts record (RFC 8461 section 3.1). A lookup does this itself.
 *
 * MTASTS_E_NO_RECORD, MTASTS_E_SEVERAL_RECORDS or MTASTS_E_RECORD: there is no policy to
 * discover. The text with its NUL, at most 33 octets, goes into `buf`; with `buf` NULL and `cap`
 * 0 only `need` is written.
 */
mtasts_result mtasts_txt_sts_id(const mtasts_txt *txt, char *buf, size_t cap, size_t *need);

/**
 * What is wrong inside the one _mta-sts record, and at which octet of the joined record (from 0).
 * MTASTS_E_ABSENT if mtasts_txt_sts_id() does not answer MTASTS_E_RECORD.
 */
mtasts_result mtasts_txt_sts_problem(const mtasts_txt *txt,
                                     mtasts_record_problem *problem,
                                     size_t *at);

/** Frees an RRset. */
void mtasts_txt_free(mtasts_txt *txt);

/**
 * Reads a policy body of at most 65536 octets. MTASTS_E_TOO_LARGE if it is larger,
 * MTASTS_E_POLICY if it is not valid; mtasts_problems_new() says why.
 */
mtasts_result mtasts_policy_parse(const uint8_t *body, size_t body_len, mtasts_policy **policy);

/** What a sender does with a host that fails the policy. */
mtasts_result mtasts_policy_mode(const mtasts_policy *policy, mtasts_mode *mode);

/** For how many seconds after the fetch the policy is valid; at most 31557600. */
mtasts_result mtasts_policy_max_age(const mtasts_policy *policy, uint32_t *seconds);

/**
 * Whether the policy permits an MX host: the name in the MX record in A-labels, not the target of
 * a CNAME (RFC 8461 section 4.1). Letter case and one final dot do not matter, nor does the mode.
 * What is not a host name is not permitted.
 */
mtasts_result mtasts_policy_permits_mx(const mtasts_policy *policy,
                                       const char *mx_host,
                                       size_t mx_host_len,
                                       mtasts_answer *permitted);

/** How many valid MX patterns the policy has. */
mtasts_result mtasts_policy_mx_count(const mtasts_policy *policy, size_t *count);

/**
 * The MX pattern with an index from 0, such as "*.example.com": TLSRPT's mx-host-pattern. It
 * lives as long as the policy. MTASTS_E_ABSENT past the end.
 */
mtasts_result mtasts_policy_mx(const mtasts_policy *policy, size_t index, mtasts_str *pattern);

/** How many lines the policy has that may be handed on. */
mtasts_result mtasts_policy_line_count(const mtasts_policy *policy, size_t *count);

/**
 * The line with an index from 0, such as "mode: enforce": TLSRPT's policy-string. It lives as
 * long as the policy. MTASTS_E_ABSENT past the end.
 *
 * Only lines that are safe in other syntaxes are given: the understood fields, and well-formed
 * extensions without quotes, braces and control characters.
 */
mtasts_result mtasts_policy_line(const mtasts_policy *policy, size_t index, mtasts_str *line);

/**
 * The body as it was served, which may hold any octets. It goes into `buf`; with `buf` NULL and
 * `cap` 0 only `need` is written.
 */
mtasts_result mtasts_policy_body(const mtasts_policy *policy,
                                 uint8_t *buf,
                                 size_t cap,
                                 size_t *need);

/** Frees a policy. */
void mtasts_policy_free(mtasts_policy *policy);

/**
 * Examines a policy body, valid or not, and lists its problems in the order of the text; those
 * of the policy as a whole come last.
 */
mtasts_result mtasts_problems_new(const uint8_t *body, size_t body_len, mtasts_problems **problems);

/** Whether the policy is valid in spite of its problems, as mtasts_policy_parse() decides. */
mtasts_result mtasts_problems_valid(const mtasts_problems *problems, mtasts_answer *valid);

/** How many problems are listed: at most 250, and all that make the policy invalid. */
mtasts_result mtasts_problems_count(const mtasts_problems *problems, size_t *count);

/** How many more problems there are than are listed. */
mtasts_result mtasts_problems_omitted(const mtasts_problems *problems, size_t *count);

/**
 * The problem with an index from 0. MTASTS_E_ABSENT past the end.
 */
mtasts_result mtasts_problems_get(const mtasts_problems *problems,
                                  size_t index,
                                  mtasts_problem *problem);

/** Frees a list of problems. */
void mtasts_problems_free(mtasts_problems *problems);

/** Makes settings that have their default values. */
mtasts_result mtasts_config_new(mtasts_config **config);

/**
 * Changes a setting, for lookups that are started later. The largest value is 4294967295, and a
 * body of no octets makes no sense: else MTASTS_E_VALUE.
 */
mtasts_result mtasts_config_set(mtasts_config *config, mtasts_option option, uint64_t value);

/** Reads a setting. */
mtasts_result mtasts_config_get(const mtasts_config *config, mtasts_option option, uint64_t *value);

/** Frees settings. Lookups started with them are not concerned. */
void mtasts_config_free(mtasts_config *config);

/**
 * Starts a lookup for a policy domain, which is the domain of the recipient, or the next hop if
 * mail is routed to one (RFC 8461 section 3.4).
 *
 * `cached` is what the cache holds for the domain, or NULL; it is not needed any longer
 * afterwards. An entry of another domain is MTASTS_E_OTHER_DOMAIN, a name that is no domain is
 * MTASTS_E_DOMAIN: it has no policy. `config` may be NULL for the defaults. A lookup for a
 * delivery whose cached policy is live and was checked lately wants nothing: there is no IO.
 */
mtasts_result mtasts_lookup_new(const char *name,
                                size_t name_len,
                                const mtasts_entry *cached,
                                mtasts_intent intent,
                                const mtasts_config *config,
                                int64_t now,
                                mtasts_lookup **lookup);

/**
 * What the caller must do next. Asking twice gives the same answer. To hand in what is not wanted
 * is MTASTS_E_OUT_OF_TURN and changes nothing.
 *
 * MTASTS_WANT_TXT: hand in the records, then mtasts_lookup_txt_end(). MTASTS_WANT_HTTPS: hand in
 * mtasts_lookup_https_field() for each header field, mtasts_lookup_https_head(),
 * mtasts_lookup_https_body() for each piece and mtasts_lookup_https_end(); or
 * mtasts_lookup_https_failed() at any point. MTASTS_WANT_NOTHING: the lookup has ended. Take a
 * number that you do not know for MTASTS_WANT_FAILED.
 */
mtasts_result mtasts_lookup_want(const mtasts_lookup *lookup, mtasts_want *want);

/**
 * The name whose TXT records are wanted: absolute, with its final dot. Ask for exactly this name,
 * with res_query() and never res_search(); CNAMEs are followed (RFC 8461 section 3.1). It lives
 * as long as the lookup. MTASTS_E_OUT_OF_TURN unless MTASTS_WANT_TXT.
 */
mtasts_result mtasts_lookup_txt_name(const mtasts_lookup *lookup, mtasts_str *name);

/**
 * Takes one TXT record, its character-strings joined. A record that cannot be taken
 * (MTASTS_E_TOO_LARGE) makes the answer count as MTASTS_TXT_TEMPFAIL.
 */
mtasts_result mtasts_lookup_txt_record(mtasts_lookup *lookup,
                                       const char *record,
                                       size_t record_len);

/**
 * Takes one TXT record as it stands in a DNS message: its RDATA, where a length precedes each
 * character-string. A record that cannot be taken (MTASTS_E_FORMAT, MTASTS_E_TOO_LARGE) makes
 * the answer count as MTASTS_TXT_TEMPFAIL.
 */
mtasts_result mtasts_lookup_txt_rdata(mtasts_lookup *lookup,
                                      const uint8_t *rdata,
                                      size_t rdata_len);

/**
 * Ends the answer to MTASTS_WANT_TXT: with MTASTS_TXT_RECORDS if records were handed in (without
 * any it means the same as MTASTS_TXT_ABSENT), MTASTS_TXT_ABSENT if there are none,
 * MTASTS_TXT_TEMPFAIL if that is not known.
 * MTASTS_E_VALUE for MTASTS_TXT_ABSENT after records: nothing is changed.
 */
mtasts_result mtasts_lookup_txt_end(mtasts_lookup *lookup, mtasts_txt_status status, int64_t now);

/**
 * The policy host: what SNI carries and what the certificate must name as a DNS-ID, never only as
 * its CN, without a final dot (RFC 8461 section 3.3). It lives as long as the lookup. MTASTS_E_OUT_OF_TURN unless
 * MTASTS_WANT_HTTPS.
 */
mtasts_result mtasts_lookup_https_host(const mtasts_lookup *lookup,
                                       mtasts_str *host);

/**
 * The URL to GET: with a verified certificate, following no redirects, from no HTTP cache, in
 * about a minute at most (RFC 8461 section 3.3). It lives as long as the lookup.
 * MTASTS_E_OUT_OF_TURN unless MTASTS_WANT_HTTPS.
 */
mtasts_result mtasts_lookup_https_url(const mtasts_lookup *lookup, mtasts_str *url);

/**
 * Takes a header field of the final response, before mtasts_lookup_https_head(). Fields that do
 * not matter are passed over, so all of them can be handed in. If the ones that matter are larger
 * than 8192 octets: MTASTS_E_TOO_LARGE, and the head will be refused.
 */
mtasts_result mtasts_lookup_https_field(mtasts_lookup *lookup,
                                        const char *name,
                                        size_t name_len,
                                        const char *value,
                                        size_t value_len);

/**
 * Takes the status of the final response, not of an interim one (1xx), and ends its header
 * fields. `more` is MTASTS_YES if the body is wanted. MTASTS_NO: the fetch has failed and the
 * lookup has ended; close the connection.
 */
mtasts_result mtasts_lookup_https_head(mtasts_lookup *lookup,
                                       uint32_t status,
                                       int64_t now,
                                       mtasts_answer *more);

/**
 * Takes a piece of the body. What `more` says is as for mtasts_lookup_https_head(): MTASTS_NO if
 * the body is over the limit. It is not cut; the fetch has failed.
 */
mtasts_result mtasts_lookup_https_body(mtasts_lookup *lookup,
                                       const uint8_t *piece,
                                       size_t piece_len,
                                       int64_t now,
                                       mtasts_answer *more);

/**
 * Ends the body. The caller promises that it is complete: by its Content-Length, the last chunk,
 * END_STREAM or close_notify. Anything else is MTASTS_FAILURE_INCOMPLETE. Not every HTTP library
 * tells a body that was cut off from one that ended.
 */
mtasts_result mtasts_lookup_https_end(mtasts_lookup *lookup, int64_t now);

/**
 * Ends the fetch, which has failed. `why` is one of MTASTS_FAILURE_CERTIFICATE,
 * MTASTS_FAILURE_CONNECT, MTASTS_FAILURE_DNS, MTASTS_FAILURE_HTTP, MTASTS_FAILURE_INCOMPLETE,
 * MTASTS_FAILURE_NOT_ALLOWED, MTASTS_FAILURE_NOT_TRIED, MTASTS_FAILURE_TIMEOUT and
 * MTASTS_FAILURE_TLS. The others are the library's to find: MTASTS_E_VALUE.
 */
mtasts_result mtasts_lookup_https_failed(mtasts_lookup *lookup, mtasts_failure why, int64_t now);

/** Frees a lookup, ended or not. */
void mtasts_lookup_free(mtasts_lookup *lookup);

/**
 * What to do with mail for the domain.
 *
 * Before the end of the lookup this is the decision of the live cached policy, by which mail may
 * be delivered at once while the lookup goes on (RFC 8461 section 5.1). If there is none:
 * MTASTS_E_OUT_OF_TURN.
 */
mtasts_result mtasts_lookup_decision(const mtasts_lookup *lookup, mtasts_decision *decision);

/**
 * The policy of the decision. It is the caller's, and may outlive the lookup. MTASTS_E_ABSENT if
 * the decision is MTASTS_DECISION_NO_POLICY.
 */
mtasts_result mtasts_lookup_policy(const mtasts_lookup *lookup, mtasts_policy **policy);

/**
 * What the lookup does to the cache; mtasts_lookup_apply() does it. There is no need to write if
 * it is MTASTS_CACHE_KEEP. MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_cache(const mtasts_lookup *lookup, mtasts_cache *cache);

/**
 * The entry that the cache must hold from now on. It is the caller's.
 *
 * `current` is what the cache holds for the domain at this moment, not what the lookup was
 * started with, or NULL: lock, read, apply, write, unlock. Then it does not matter which of
 * several lookups is the first to end: a failure never overwrites a policy fetched meanwhile.
 * MTASTS_E_ABSENT if there is nothing to hold, MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_apply(const mtasts_lookup *lookup,
                                  const mtasts_entry *current,
                                  int64_t now,
                                  mtasts_entry **entry);

/**
 * What could not be learnt. The decision stands all the same. MTASTS_E_ABSENT if nothing is
 * missing, MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_failure(const mtasts_lookup *lookup, mtasts_failure *failure);

/**
 * The failure in words, for a log: what was looked at and what was found, without text from the
 * wire. It lives as long as the lookup. MTASTS_E_ABSENT if nothing is missing,
 * MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_failure_text(const mtasts_lookup *lookup, mtasts_str *text);

/**
 * What the failure is called in a TLSRPT report (RFC 8460 section 4.3), as libtlsrpt's number.
 * MTASTS_E_ABSENT if there is nothing to report, MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_tlsrpt_result(const mtasts_lookup *lookup,
                                          mtasts_tlsrpt_result *result);

/**
 * Before this time another lookup for a delivery is of no use. MTASTS_E_OUT_OF_TURN before the
 * end.
 */
mtasts_result mtasts_lookup_next_check(const mtasts_lookup *lookup, int64_t *at);

/**
 * If a refresh failed: in how many seconds the policy in force ends, which the administrator
 * should be told (RFC 8461 sections 3.3 and 10.2). Else MTASTS_E_ABSENT; MTASTS_E_OUT_OF_TURN
 * before the end.
 */
mtasts_result mtasts_lookup_alert(const mtasts_lookup *lookup, uint64_t *ends_in);

/**
 * Whether a message that failed under the policy may be returned to its sender as far as MTA-STS
 * goes: after a lookup with MTASTS_INTENT_BEFORE_BOUNCE that found no newer policy and missed
 * nothing (RFC 8461 sections 5 and 5.1). MTASTS_E_OUT_OF_TURN before the end.
 */
mtasts_result mtasts_lookup_confirms_bounce(const mtasts_lookup *lookup, mtasts_answer *confirms);

/**
 * The entry as octets, for whatever store the mail server has: a versioned text that every
 * language of this project reads. It goes into `buf`; with `buf` NULL and `cap` 0 only `need` is
 * written. It may hold any octets, since it holds the policy as it was served.
 */
mtasts_result mtasts_entry_encode(const mtasts_entry *entry,
                                  uint8_t *buf,
                                  size_t cap,
                                  size_t *need);

/**
 * Reads what mtasts_entry_encode() wrote for a domain. What cannot be read is no entry, and the
 * domain is looked up afresh: MTASTS_E_FORMAT if it is cut, garbled or of another version,
 * MTASTS_E_POLICY if the policy in it is not valid, MTASTS_E_OTHER_DOMAIN if it is not the
 * domain's. MTASTS_E_DOMAIN if the name is no domain.
 */
mtasts_result mtasts_entry_decode(const uint8_t *encoded,
                                  size_t encoded_len,
                                  const char *name,
                                  size_t name_len,
                                  mtasts_entry **entry);

/**
 * Makes an entry for a policy known from elsewhere, such as another program's cache.
 * `fetched_at` must be the time of an HTTPS fetch, `checked_at` that of the last TXT answer.
 * MTASTS_E_DOMAIN if the name is no domain, MTASTS_E_RECORD if the id is not 1 to 32 letters and
 * digits. The policy stays the caller's.
 */
mtasts_result mtasts_entry_import(const char *name,
                                  size_t name_len,
                                  const char *id,
                                  size_t id_len,
                                  const mtasts_policy *policy,
                                  int64_t fetched_at,
                                  int64_t checked_at,
                                  mtasts_entry **entry);

/** The policy domain. It lives as long as the entry. */
mtasts_result mtasts_entry_domain(const mtasts_entry *entry, mtasts_str *name);

/** The id of the policy held. It lives as long as the entry. MTASTS_E_ABSENT if none is held. */
mtasts_result mtasts_entry_id(const mtasts_entry *entry, mtasts_str *id);

/**
 * The policy held, dead or alive: to decide, use a lookup. It is the caller's, and may outlive
 * the entry. MTASTS_E_ABSENT if the entry only remembers a failed fetch.
 */
mtasts_result mtasts_entry_policy(const mtasts_entry *entry, mtasts_policy **policy);

/** When the policy held was fetched. MTASTS_E_ABSENT if none is held. */
mtasts_result mtasts_entry_fetched_at(const mtasts_entry *entry, int64_t *at);

/** When DNS was last asked for the record. MTASTS_E_ABSENT if that is not known. */
mtasts_result mtasts_entry_checked_at(const mtasts_entry *entry, int64_t *at);

/** When the policy held ends (RFC 8461 section 3.2). MTASTS_E_ABSENT if none is held. */
mtasts_result mtasts_entry_expires_at(const mtasts_entry *entry, int64_t *at);

/**
 * When to look the domain up with MTASTS_INTENT_REFRESH; `now` or earlier if that is due (RFC
 * 8461 sections 3.3 and 10.2). MTASTS_E_ABSENT if no policy is held that lives long enough.
 */
mtasts_result mtasts_entry_refresh_at(const mtasts_entry *entry, int64_t now, int64_t *at);

/** Frees an entry. */
void mtasts_entry_free(mtasts_entry *entry);

/**
 * Reads the TXT RRset of _smtp._tls.DOMAIN, where DOMAIN is the policy domain. MTASTS_E_NO_RECORD,
 * MTASTS_E_SEVERAL_RECORDS or MTASTS_E_RECORD: the domain wants no reports.
 */
mtasts_result mtasts_tlsrpt_parse(const mtasts_txt *txt, mtasts_tlsrpt **tlsrpt);

/**
 * What is wrong inside the one _smtp._tls record, and at which octet of the joined record (from
 * 0). MTASTS_E_ABSENT if mtasts_tlsrpt_parse() does not answer MTASTS_E_RECORD.
 */
mtasts_result mtasts_txt_tlsrpt_problem(const mtasts_txt *txt,
                                        mtasts_record_problem *problem,
                                        size_t *at);

/**
 * The record in its plain form, with the destinations that can be used: what
 * tlsrpt_init_delivery_request() of libtlsrpt takes. It lives as long as the object.
 */
mtasts_result mtasts_tlsrpt_record(const mtasts_tlsrpt *tlsrpt, mtasts_str *record);

/** How many destinations can be used: mailto: and https: URIs. */
mtasts_result mtasts_tlsrpt_rua_count(const mtasts_tlsrpt *tlsrpt, size_t *count);

/**
 * The destination with an index from 0, a mailto: or https: URI. It lives as long as the object.
 * MTASTS_E_ABSENT past the end.
 */
mtasts_result mtasts_tlsrpt_rua(const mtasts_tlsrpt *tlsrpt, size_t index, mtasts_str *uri);

/** Frees what mtasts_tlsrpt_parse() made. */
void mtasts_tlsrpt_free(mtasts_tlsrpt *tlsrpt);

/**
 * Makes a client that asks the daemon at a socket, whose path is absolute, such as
 * "/run/mta-sts/mta-sts.sock". It connects when it is asked, and again if it has to. A path that
 * is not absolute, holds a NUL or is too long for a socket is MTASTS_E_VALUE.
 */
mtasts_result mtasts_client_new(const char *path, size_t path_len, mtasts_client **client);

/**
 * Makes a client of a connected local stream socket, which was opened before chroot() for
 * example. The file descriptor becomes the client's, which makes it non-blocking and
 * close-on-exec. Once this connection is lost, there is no other. What is no such socket is
 * MTASTS_E_VALUE, and stays the caller's.
 */
mtasts_result mtasts_client_new_from_fd(int32_t fd, mtasts_client **client);

/**
 * Changes a setting, for questions that are asked later. MTASTS_E_VALUE if the option is not
 * known, or the value is out of its range.
 */
mtasts_result mtasts_client_set(mtasts_client *client, mtasts_client_option option, uint64_t value);

/**
 * Connects now, unless the client is connected, and waits for that: for the deadline at most. For
 * a process that will chroot() or drop its privileges, or whose child will; a connection over
 * which nobody has asked may go to one child. MTASTS_E_UNAVAILABLE if there is no connection,
 * MTASTS_E_OUT_OF_TURN while a question is under way.
 */
mtasts_result mtasts_client_connect(mtasts_client *client);

/**
 * Asks what is decided for a policy domain, and waits for the answer, for the deadline at most.
 * `intent` is MTASTS_INTENT_DELIVER or MTASTS_INTENT_BEFORE_BOUNCE, else MTASTS_E_VALUE.
 *
 * MTASTS_E_DOMAIN: the name is no domain, so that no policy applies (RFC 8461 section 3.4); nobody
 * was asked. MTASTS_E_UNAVAILABLE: defer the message, unless the administrator has chosen
 * otherwise. MTASTS_E_WAIT: defer it. MTASTS_E_OUT_OF_TURN while a question is under way.
 */
mtasts_result mtasts_client_ask(mtasts_client *client,
                                const char *name,
                                size_t name_len,
                                mtasts_intent intent,
                                mtasts_ruling **ruling);

/**
 * Begins to ask, without waiting. Then, until mtasts_client_continue() answers: wait for the
 * events of mtasts_client_events() at the file descriptor of mtasts_client_fd(), or for
 * mtasts_client_timeout(), whatever comes first, and call mtasts_client_continue(). What cannot
 * be asked is refused here, as by mtasts_client_ask(); MTASTS_E_UNAVAILABLE and MTASTS_E_WAIT come
 * from there.
 */
mtasts_result mtasts_client_start(mtasts_client *client,
                                  const char *name,
                                  size_t name_len,
                                  mtasts_intent intent);

/**
 * The file descriptor to wait at. It may be another after each mtasts_client_continue(), also
 * under the same number: register it anew. MTASTS_E_ABSENT while there is none: wait for the
 * time only. MTASTS_E_OUT_OF_TURN if no question is under way.
 */
mtasts_result mtasts_client_fd(const mtasts_client *client, int32_t *fd);

/**
 * The events to wait for: MTASTS_EVENT_READ, MTASTS_EVENT_WRITE, or their sum. Errors and the
 * end of the connection count as either. MTASTS_E_ABSENT while there is no file descriptor,
 * MTASTS_E_OUT_OF_TURN if no question is under way.
 */
mtasts_result mtasts_client_events(const mtasts_client *client, mtasts_events *events);

/**
 * After so many milliseconds mtasts_client_continue() is called at the latest, whatever happens
 * at the file descriptor. MTASTS_E_OUT_OF_TURN if no question is under way.
 */
mtasts_result mtasts_client_timeout(const mtasts_client *client, int64_t *milliseconds);

/**
 * Goes on with the question without waiting. MTASTS_E_AGAIN: not yet; wait again. MTASTS_OK,
 * MTASTS_E_UNAVAILABLE and MTASTS_E_WAIT end the question. MTASTS_E_OUT_OF_TURN if none is under
 * way.
 */
mtasts_result mtasts_client_continue(mtasts_client *client, mtasts_ruling **ruling);

/**
 * Forgets the question that is under way, if there is one. Its connection is closed, so that the
 * answer cannot be taken for that of another question.
 */
void mtasts_client_cancel(mtasts_client *client);

/**
 * Why the last question was MTASTS_E_UNAVAILABLE or MTASTS_E_WAIT: one line for a log. It lives
 * until the client is asked again, or freed. MTASTS_E_ABSENT if there was a ruling.
 */
mtasts_result mtasts_client_problem(const mtasts_client *client, mtasts_str *problem);

/** Frees a client, and closes its connection. */
void mtasts_client_free(mtasts_client *client);

/**
 * What to do with mail for the domain. It counts, and not the mode of the policy: the
 * administrator may have a policy in mode "testing" enforced, or DANE comes first.
 */
mtasts_result mtasts_ruling_decision(const mtasts_ruling *ruling, mtasts_decision *decision);

/**
 * Why it was decided so, in a word for a log, such as "policy", "no-record" or "dane"; there
 * will be more words. It lives as long as the ruling.
 */
mtasts_result mtasts_ruling_reason(const mtasts_ruling *ruling, mtasts_str *reason);

/**
 * The policy that the domain has, which is there with MTASTS_DECISION_ENFORCE and
 * MTASTS_DECISION_TESTING, and may be with those of DANE. It is the caller's, and may outlive the
 * ruling. MTASTS_E_ABSENT if there is none, or it does not apply.
 */
mtasts_result mtasts_ruling_policy(const mtasts_ruling *ruling, mtasts_policy **policy);

/**
 * When the policy ends, unless it is renewed before. One of the past is that of a policy for this
 * delivery alone (max_age 0). MTASTS_E_ABSENT if none is held.
 */
mtasts_result mtasts_ruling_valid_until(const mtasts_ruling *ruling, int64_t *at);

/**
 * Whether a message that failed under the policy may be returned to its sender as far as MTA-STS
 * goes (RFC 8461 sections 5 and 5.1). Never MTASTS_YES unless MTASTS_INTENT_BEFORE_BOUNCE was
 * asked with.
 */
mtasts_result mtasts_ruling_confirms_bounce(const mtasts_ruling *ruling, mtasts_answer *confirms);

/**
 * Whether the policy permits an MX host, as mtasts_policy_permits_mx() says; MTASTS_YES if there
 * is no policy. What a MTASTS_NO means is for the decision to say: with MTASTS_DECISION_TESTING
 * it is only reported, and with MTASTS_DECISION_DANE it does not count.
 */
mtasts_result mtasts_ruling_permits_mx(const mtasts_ruling *ruling,
                                       const char *mx_host,
                                       size_t mx_host_len,
                                       mtasts_answer *permitted);

/** Frees a ruling. */
void mtasts_ruling_free(mtasts_ruling *ruling);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* MTASTS_H */
