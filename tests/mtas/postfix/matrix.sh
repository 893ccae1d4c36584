# The matrix of all mail servers with Debian's Postfix, which looks at DANE by the daemon's answer.

obtain() { obtain_packages "$1" postfix; }
same_as=postfix/debian

usual_map=dane usual_level=dane

. "$here/matrix.sh"

names_in_certificates="it compares names in certificates, not of MX hosts; Postfix 3.10.5 does both if asked by a map name with TLSRPT"
differs borrowed-name "verified other.borrowed-name.test" "$names_in_certificates"
differs two-labels "verified a.b.wildcard-depth.test" "$names_in_certificates"
differs down-open "no such setting" "Postfix defers whenever a lookup fails"
differs slow "under way" "its client of the protocol waits 100 s"
