/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/

/* MTA-STS (RFC 8461) for the smtp transport.
SPDX-License-Identifier: MIT OR Apache-2.0

The policies are held and renewed by a daemon, which is asked over a unix
socket by libmtasts.  Here is what Exim makes of its answers.  Included by
transports/smtp.h, in builds with SUPPORT_MTASTS. */

#ifdef DISABLE_TLS
# error SUPPORT_MTASTS needs TLS
#endif

/* What differs between the versions of Exim; MTA_STS_EXIM is in transports/smtp.h */

#if MTA_STS_EXIM >= 4100
# define STS_DRIVER(t)		((t)->drinst)
# define STS_LOG(...)		log_write(LOG_MAIN, __VA_ARGS__)
# define STS_CONFIG_DIE(...)	log_write_die(LOG_CONFIG, __VA_ARGS__)
# define STS_DEBUG		DEBUG(transport)
# define STS_TLSA(args)		((args)->tlsa_dnsa)
# define STS_TURNED_AROUND	(atrn_domains != NULL)
# define STS_SETUP_CERTS(ctx, certs, ...) setup_certs(ctx, &(certs), __VA_ARGS__)
#else
# define STS_DRIVER(t)		(*(t))
# define STS_LOG(...)		log_write(0, LOG_MAIN, __VA_ARGS__)
# define STS_CONFIG_DIE(...)	log_write(0, LOG_PANIC_DIE|LOG_CONFIG, __VA_ARGS__)
# define STS_DEBUG		DEBUG(D_transport)
# define STS_TLSA(args)		(&(args)->tlsa_dnsa)
# define STS_TURNED_AROUND	FALSE
# define STS_SETUP_CERTS(ctx, certs, ...) setup_certs(ctx, certs, __VA_ARGS__)
#endif

/* For smtp_transport_init() */
extern void	mta_sts_init(transport_instance *);

/* For smtp_setup_conn().  The first two yield OK or DEFER; for DEFER the
addresses have been given the reason.  The others yield FALSE if there is no TLS
session as the policy wants it. */
extern int	mta_sts_begin(smtp_context *);
extern int	mta_sts_check_host(smtp_context *);
extern BOOL	mta_sts_check_session(smtp_context *, uschar **);
extern BOOL	mta_sts_satisfied(const smtp_context *);

/* For smtp_deliver(): after a setup that failed, TRUE if it did by the policy;
after one that did not, what a policy in testing has to say */
extern BOOL	mta_sts_failed(smtp_context *);
extern void	mta_sts_testing(smtp_context *);

/* For smtp_transport_entry(): TRUE once after a refusal without a connection;
and after one of this host, so that it is no try of hosts_max_try */
extern BOOL	mta_sts_not_connected(void);
extern BOOL	mta_sts_passed_over(void);

/* For verify.c: may the second address use the connection of the first? */
extern BOOL	mta_sts_may_share(const address_item *, const address_item *);

/* In the part for the TLS library: are there DNS names in a certificate? */
extern BOOL	mta_sts_has_dns_name(void *);

/* The name that is looked up in policies, sent as SNI and checked in
certificates: that of the MX record, before any CNAME, in A-labels */
extern const uschar *mta_sts_host_name(const host_item *);

/* End of mta_sts.h */
