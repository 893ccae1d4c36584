/*************************************************
*     Exim - an Internet mail transport agent    *
*************************************************/

/* MTA-STS (RFC 8461) for the smtp transport, the part for GnuTLS.  Included by
tls-gnu.c.
SPDX-License-Identifier: MIT OR Apache-2.0 */

/* No option makes verification optional.  Trust anchors were loaded by
tls_init(), unless there is no setting of them. */

static BOOL
mta_sts_session_init(exim_gnutls_state_st * state, const host_item * host,
  uschar ** errstr)
{
const uschar * name = mta_sts_host_name(host);
int rc;

if (!state->tls_verify_certificates)
  {
  if (gnutls_certificate_set_x509_system_trust(state->lib_state.x509_cred) <= 0)
    {
    (void) tls_error(US"MTA-STS", US"the system has no trust anchors", state->host, errstr);
    return FALSE;
    }
  }
else if (!state->exp_tls_verify_certificates || !*state->exp_tls_verify_certificates)
  {
  (void) tls_error(US"MTA-STS", US"tls_verify_certificates is empty", state->host, errstr);
  return FALSE;
  }

/* This takes the place of a name set for tls_sni */

if ((rc = gnutls_server_name_set(state->session, GNUTLS_NAME_DNS, name,
	    Ustrlen(name))))
  {
  (void) tls_error_gnu(state, US"gnutls_server_name_set", rc, errstr);
  return FALSE;
  }
state->tlsp->sni = string_copy(name);

state->exp_tls_verify_cert_hostnames = name;
state->verify_requirement = VERIFY_REQUIRED;
gnutls_certificate_server_set_request(state->session, GNUTLS_CERT_REQUIRE);
return TRUE;
}


BOOL
mta_sts_has_dns_name(void * cert)
{
char name[256];
int rc = 0;

for (unsigned i = 0; rc >= 0 || rc == GNUTLS_E_SHORT_MEMORY_BUFFER; i++)
  {
  size_t siz = sizeof(name);
  rc = gnutls_x509_crt_get_subject_alt_name(cert, i, name, &siz, NULL);
  if (rc == GNUTLS_SAN_DNSNAME) return TRUE;
  }
return FALSE;
}

/* End of mta_sts-gnu.c */
