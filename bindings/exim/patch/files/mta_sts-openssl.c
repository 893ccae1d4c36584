/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/

/* MTA-STS (RFC 8461) for the smtp transport, the part for OpenSSL.  Included by
tls-openssl.c.
SPDX-License-Identifier: MIT OR Apache-2.0 */

/* In place of tls_client_basic_ctx_init(): no option makes verification
optional.  The context may be one that is used for other connections as well,
so the mode of verification is left for mta_sts_ssl_init(). */

static int
mta_sts_ctx_init(SSL_CTX * ctx, host_item * host,
  const smtp_transport_options_block * ob, exim_openssl_state_st * state,
  uschar ** errstr)
{
uschar * certs = ob->tls_verify_certificates
  ? ob->tls_verify_certificates : US"system";
uschar * expcerts = NULL;

if (!expand_check(certs, US"tls_verify_certificates", &expcerts, errstr))
  return DEFER;
if (!expcerts || !*expcerts)
  return tls_error(US"MTA-STS", host, US"tls_verify_certificates is empty", errstr);

*errstr = US"tls_verify_certificates or tls_crl cannot be loaded";
if (  !state->lib_state.cabundle
   && STS_SETUP_CERTS(ctx, certs, ob->tls_crl, host, errstr) != OK)
  return DEFER;

client_verify_optional = FALSE;
state->verify_cert_hostnames = mta_sts_host_name(host);
return OK;
}


static void
mta_sts_ssl_init(SSL * ssl)
{
SSL_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
  verify_callback_client);
}


BOOL
mta_sts_has_dns_name(void * cert)
{
GENERAL_NAMES * names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
BOOL found = FALSE;

for (int i = 0; !found && i < sk_GENERAL_NAME_num(names); i++)
  found = sk_GENERAL_NAME_value(names, i)->type == GEN_DNS;
GENERAL_NAMES_free(names);
return found;
}

/* End of mta_sts-openssl.c */
