#!/bin/sh
# SPDX-License-Identifier: MIT
# Make a certificate authority and the certificates of the tests: certs.sh DIR
#
# NAME.pem and NAME.key for each NAME below, ca.pem, and good.pin (digest of the
# key as tls-pin takes it).  Works with OpenSSL 3.0 and later.
set -eu
LC_ALL=C
export LC_ALL

dir=$1
mkdir -p "$dir"
cd "$dir"

names='DNS:localhost,DNS:*.example.test,IP:127.0.0.1,IP:::1'
eku=serverAuth
year=$(date -u +%Y)
start=$((year - 1))0101000000Z
end=$((year + 5))0101000000Z

quiet() {
	"$@" >/dev/null 2>err.txt || { cat err.txt >&2; exit 1; }
}

config() {
	cat <<-EOC
	[ca]
	default_ca = own
	[own]
	database = index.txt
	new_certs_dir = .
	rand_serial = yes
	unique_subject = no
	email_in_dn = no
	policy = any
	x509_extensions = leaf
	[any]
	commonName = supplied
	[req]
	distinguished_name = dn
	prompt = no
	[dn]
	commonName = $1
	[root]
	basicConstraints = critical,CA:TRUE
	keyUsage = critical,keyCertSign,cRLSign
	subjectKeyIdentifier = hash
	[leaf]
	basicConstraints = critical,CA:FALSE
	keyUsage = critical,digitalSignature
	extendedKeyUsage = $eku
	$2
	EOC
}

# key NAME [rsa]
key() {
	if [ "${2-}" = rsa ]; then
		quiet openssl genpkey -algorithm RSA \
		    -pkeyopt rsa_keygen_bits:1024 -out "$1.key"
	else
		quiet openssl genpkey -algorithm EC \
		    -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"
	fi
	chmod 600 "$1.key"
}

# authority NAME
authority() {
	key "$1"
	config "$1 of the tests" '' >"$1.cnf"
	quiet openssl req -x509 -new -config "$1.cnf" -extensions root \
	    -key "$1.key" -sha256 -days 3650 -out "$1.pem"
}

# leaf NAME SAN [START END [DIGEST [KEYTYPE [CN [AUTHORITY]]]]]
leaf() {
	key "$1" "${6-}"
	san=
	[ -z "$2" ] || san="subjectAltName = $2"
	config "${7:-test server}" "$san" >"$1.cnf"
	quiet openssl req -new -config "$1.cnf" -key "$1.key" -out "$1.csr"
	quiet openssl ca -batch -notext -config "$1.cnf" \
	    -cert "${8:-ca}.pem" -keyfile "${8:-ca}.key" \
	    -md "${5:-sha256}" -startdate "${3:-$start}" \
	    -enddate "${4:-$end}" -in "$1.csr" -out "$1.pem"
	rm -f "$1.csr"
}

: >index.txt
authority ca
authority other

leaf good "$names"
leaf expired "$names" 20200101000000Z 20200201000000Z
leaf future "$names" "$((year + 2))0101000000Z" "$end"
leaf wrongname 'DNS:mail.elsewhere.test,IP:192.0.2.1'
leaf cnonly '' '' '' '' '' localhost
leaf rsa1024 "$names" '' '' '' rsa
leaf sha1 "$names" '' '' sha1
leaf ipdns 'DNS:127.0.0.1'
leaf namesonly 'DNS:localhost,DNS:*.example.test'
leaf top 'DNS:*.test'
leaf partial 'DNS:ma*.example.test'
# dNSName "localhost", NUL, ".evil.test"
leaf nul 'DER:30:16:82:14:6c:6f:63:61:6c:68:6f:73:74:00:2e:65:76:69:6c:2e:74:65:73:74'
leaf otherca "$names" '' '' '' '' '' other
eku=clientAuth
leaf clienteku "$names"
leaf client 'email:me@example.test'
eku=serverAuth

key selfsigned
config localhost "subjectAltName = $names" >selfsigned.cnf
quiet openssl req -x509 -new -config selfsigned.cnf -extensions leaf \
    -key selfsigned.key -sha256 -days 365 -out selfsigned.pem

printf 'sha256//%s\n' "$(openssl pkey -in good.key -pubout -outform DER |
    openssl dgst -sha256 -binary | openssl base64)" >good.pin
cat client.pem client.key >client-both.pem
chmod 600 client-both.pem
cp client-both.pem client-open.pem
chmod 644 client-open.pem
rm -f ./*.cnf index.txt* err.txt [0-9A-F]*.pem
