# Debian's Postfix, which is too old to report by TLSRPT and matches certificates, not MX names.

obtain() { obtain_packages "$1" postfix; }

row enforce enforce.test "sent 2.0.0 Verified mx.enforce.test,tls,sni" \
    "mode enforce, all is well"
row wildcard wildcard.test "sent 2.0.0 Verified mx.wildcard.test,tls,sni" \
    "the policy names all hosts below the domain"
row u-label bücher.test "sent 2.0.0 Verified mx.xn--bcher-kva.test,tls,sni" \
    "a recipient whose domain is written with a letter beyond ASCII"
asks[u-label]=xn--bcher-kva.test
row unix-socket unix:unrelated.test "sent 2.0.0 Verified mx.unrelated.test,tls,sni" \
    "Postfix asks by the unix socket"
row relayed none.test "sent 2.0.0 Verified implicit-mx.test,tls,sni" \
    "all mail goes to the smart host [implicit-mx.test]:25, which has a policy"
asks[relayed]=implicit-mx.test
row one-of-two one-of-two.test "sent 2.0.0 Verified mx.one-of-two.test,tls,sni" \
    "the first MX host is not in the policy, the second is"
row self-signed mx-self-signed.test "deferred 4.7.5 Untrusted -" \
    "mode enforce, the MX host's certificate is self-signed"
row expired mx-expired.test "deferred 4.7.5 Untrusted -" \
    "mode enforce, the certificate has expired"
row wrong-name mx-wrong-name.test "deferred 4.7.5 Untrusted -" \
    "mode enforce, the certificate names another host"
row no-starttls no-starttls.test "deferred 4.7.4 - -" \
    "mode enforce, the MX host has no STARTTLS"
row mismatch mismatch.test "deferred 4.7.5 Untrusted -" \
    "mode enforce, the MX host is not in the policy; its certificate is its own"
row testing testing-cert.test "sent 2.0.0 Untrusted mx.testing-cert.test,tls" \
    "mode testing, a self-signed certificate"
row strict-testing strict:testing-cert.test "deferred 4.7.5 Untrusted -" \
    "the same in a zone with strict_testing"
row none none.test "sent 2.0.0 Trusted mx.none.test,tls" \
    "mode none"
row no-policy no-record.test "sent 2.0.0 Trusted mx.no-record.test,tls" \
    "no policy"
row no-answer status-500.test "sent 2.0.0 Trusted mx.status-500.test,tls" \
    "a record, but no policy can be fetched"
row dane dane:dane.test "sent 2.0.0 Verified mx.dane.test,tls,sni" \
    "DANE vouches for a certificate of an unknown CA; MTA-STS alone would refuse it"
row dane-wrong dane:dane-wrong.test "deferred 4.7.5 Untrusted -" \
    "DANE refuses a certificate that MTA-STS alone would accept"
row dane-alone dane:dane-alone.test "sent 2.0.0 Verified mx.dane-alone.test,tls,sni" \
    "DANE without MTA-STS"
row dane-yield yield:dane.test "sent 2.0.0 Verified mx.dane.test,tls,sni" \
    "a zone that leaves domains with DANE to Postfix's own"
known borrowed-name borrowed-name.test "sent 2.0.0 Verified other.borrowed-name.test,tls,sni" \
    "the MX host is not in the policy, its certificate is for one that is: this Postfix sends it"
known two-labels wildcard-depth.test "sent 2.0.0 Verified a.b.wildcard-depth.test,tls,sni" \
    "a wildcard stands for one label, the MX host has two: this Postfix sends it"

. "$here/postfix/stories.sh"
