/*
 * MTA-STS (RFC 8461) for relays: the mta-sts option of an action.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The lookup process asks the daemon (lka_sts.c), the dispatcher keeps to the
 * answer (mta_sts.c).  Without --with-mta-sts nothing of it is built.
 */

#define MTA_STS_SOCKET	"/run/mta-sts/mta-sts.sock"
#define MTA_STS_REASON	512	/* octets of a text of the daemon's or the library's */

struct ca;
struct tls;
struct tls_config;
struct x509_store_st;

/* The option as the configuration has it, and what is made of it before chroot(2). */
struct mta_sts_conf {
	const char		*action;
	char			*socket;
	int			 fail_open;
	int			 has_uid;	/* else the daemon must be root */
	uid_t			 uid;

	struct tls_config	*tls_config;	/* as the action's, but verifies */
	struct x509_store_st	*cas;		/* to tell what "enforce" would refuse */
};

/* Zero is never an answer, and what is none of the last three lets the mail wait. */
enum mta_sts_mode {
	MTA_STS_UNKNOWN,
	MTA_STS_UNAVAILABLE,	/* the daemon gave no answer: fail-open holds */
	MTA_STS_NONE,
	MTA_STS_TESTING,
	MTA_STS_ENFORCE
};

#ifdef HAVE_MTA_STS

#define MTA_STS_PLEDGE	" unix"

/* lka_sts.c */
void lka_sts_imsg(struct mproc *, struct imsg *);

/* mta_sts.c */
void mta_sts_setup(struct mta_sts_conf *, const char *, struct ca *);
struct mta_sts *mta_sts_new(const struct mta_sts_conf *);
void mta_sts_free(struct mta_sts *);
int mta_sts_must_ask(const struct mta_relay *);
void mta_sts_ask(const struct mta_relay *);
void mta_sts_on_mx(struct mta_relay *, const char *);
void mta_sts_on_answer(struct mta_relay *, int, const char *);
int mta_sts_detach(struct mta_relay *);
int mta_sts_detached(const struct mta_relay *);
int mta_sts_follow(struct mta_relay *, struct mta_relay *);
struct mta_relay *mta_sts_previous(struct mta_relay *);
int mta_sts_rejoin(struct mta_relay *, struct mta_relay *);
const char *mta_sts_to_text(const struct mta_relay *);
int mta_sts_skips(const struct mta_relay *, const struct mta_mx *);
int mta_sts_enforced(const struct mta_relay *);
struct tls_config *mta_sts_tls_config(const struct mta_relay *);
int mta_sts_may_send(const struct mta_relay *, uint64_t, const char *, struct tls *);
void mta_sts_refused(struct mta_relay *, struct mta_route *, uint64_t, const char *);

#else /* the compiler drops what these guard */

#define MTA_STS_PLEDGE	""

#define lka_sts_imsg(p, imsg)			((void)0)
#define mta_sts_setup(conf, action, ca)		((void)0)
#define mta_sts_new(conf)			NULL
#define mta_sts_free(sts)			((void)0)
#define mta_sts_must_ask(relay)			0
#define mta_sts_ask(relay)			((void)0)
#define mta_sts_on_mx(relay, mx)		((void)0)
#define mta_sts_on_answer(relay, mode, reason)	((void)0)
#define mta_sts_detach(relay)			0
#define mta_sts_detached(relay)			0
#define mta_sts_follow(relay, old)		0
#define mta_sts_previous(relay)			NULL
#define mta_sts_rejoin(relay, old)		0
#define mta_sts_to_text(relay)			NULL
#define mta_sts_skips(relay, mx)		0
#define mta_sts_enforced(relay)			0
#define mta_sts_tls_config(relay)		NULL
#define mta_sts_may_send(relay, id, mx, tls)	1
#define mta_sts_refused(relay, route, id, mx)	((void)0)

#endif
