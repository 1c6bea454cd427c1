#!/usr/bin/env bash
# Makes a CA for development and, for each role, a certificate and a key signed by it (docs/security.md).
set -euo pipefail

usage() {
  cat <<'EOF'
usage: deploy/make_certs.sh [DIR] [--host=NAME]... [--role=ROLE]... [--days=N] [--prefix=NAME] [--force]

Makes in DIR (default: certs), whatever of it is not there yet:
  ca.crt ca.key               a CA
  ROLE.crt ROLE.key           a certificate for each role: worker, server, monitor, admin

  --host=NAME    a DNS name or IP address that certificates are for, besides localhost, 127.0.0.1, ::1 and this machine's
                 name; may be given again
  --role=ROLE    only this role; may be given again
  --days=N       valid for N days from now (default 30); 0 or less: expired already, for tests
  --prefix=NAME  write NAME-ROLE.crt and NAME-ROLE.key instead
  --force        make the certificates and keys anew, the CA's not. A CA is replaced by deleting its files.
EOF
}

directory=certs
prefix=""
days=30
force=false
hosts=()
roles=()
for argument in "$@"; do
  case "$argument" in
    --host=?*) hosts+=("${argument#*=}") ;;
    --role=worker | --role=server | --role=monitor | --role=admin) roles+=("${argument#*=}") ;;
    --days=*) days="${argument#*=}" ;;
    --prefix=?*) prefix="${argument#*=}-" ;;
    --force) force=true ;;
    --help | -h) usage; exit 0 ;;
    -*) echo "make_certs.sh: what is $argument? See --help." >&2; exit 2 ;;
    *) directory="$argument" ;;
  esac
done
[[ "$days" =~ ^-?[0-9]{1,5}$ ]] || { echo "make_certs.sh: --days=$days is no number of days" >&2; exit 2; }
[[ ${#roles[@]} -gt 0 ]] || roles=(worker server monitor admin)
command -v openssl >/dev/null || { echo "make_certs.sh: openssl is missing: apt-get install openssl" >&2; exit 1; }

umask 077
mkdir -p "$directory"
cd "$directory"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# A key and a request for a certificate.
make_request() {  # name, subject
  openssl ecparam -name prime256v1 -genkey -noout -out "$scratch/$1.ec"
  openssl pkcs8 -topk8 -nocrypt -in "$scratch/$1.ec" -out "$scratch/$1.key"
  openssl req -new -key "$scratch/$1.key" -subj "$2" -out "$scratch/$1.csr"
}

if [[ -e ca.crt && -e ca.key ]]; then
  echo "using the CA that is in $directory"
elif [[ -e ca.crt || -e ca.key ]]; then
  echo "make_certs.sh: $directory has only one of ca.crt and ca.key: find the other, or delete it" >&2
  exit 1
else
  make_request ca "/O=Downpour development/CN=Downpour development CA $(date +%F)"
  cat >"$scratch/ca.ext" <<'EOF'
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
EOF
  openssl x509 -req -in "$scratch/ca.csr" -signkey "$scratch/ca.key" -days 3650 -sha256 \
    -extfile "$scratch/ca.ext" -out "$scratch/ca.crt" 2>/dev/null
  chmod 644 "$scratch/ca.crt"
  mv "$scratch/ca.key" ca.key
  mv "$scratch/ca.crt" ca.crt
  echo "made $directory/ca.crt"
fi

names="DNS:localhost,IP:127.0.0.1,IP:::1,DNS:$(uname -n)"
for host in ${hosts[@]+"${hosts[@]}"}; do
  if [[ "$host" =~ ^[0-9.]+$ || "$host" == *:* ]]; then names+=",IP:$host"; else names+=",DNS:$host"; fi
done

# `openssl ca` is the only one of its commands that takes a date in the past.
if ((days > 0)); then begin=$(date -u -d '5 minutes ago' +%y%m%d%H%M%SZ); else begin=$(date -u -d "$((2 - days)) days ago" +%y%m%d%H%M%SZ); fi
end=$(date -u -d "$days days" +%y%m%d%H%M%SZ)
cat >"$scratch/ca.cnf" <<EOF
[ca]
default_ca = this
[this]
new_certs_dir = $scratch
database = $scratch/index
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
organizationName = optional
commonName = supplied
EOF

for role in "${roles[@]}"; do
  name="$prefix$role"
  if [[ "$force" == false && ( -e "$name.crt" || -e "$name.key" ) ]]; then
    echo "keeping $directory/$name.crt (--force makes it anew)"
    continue
  fi
  make_request "$name" "/O=Downpour development/CN=$role"
  cat >"$scratch/$name.ext" <<EOF
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectAltName = URI:spiffe://downpour/role/$role,$names
EOF
  : >"$scratch/index"
  openssl ca -batch -config "$scratch/ca.cnf" -cert ca.crt -keyfile ca.key -in "$scratch/$name.csr" -notext \
    -startdate "$begin" -enddate "$end" -extfile "$scratch/$name.ext" -out "$scratch/$name.crt" 2>"$scratch/log" ||
    { cat "$scratch/log" >&2; exit 1; }
  chmod 644 "$scratch/$name.crt"
  # Renamed, so that a process that watches them never reads half a file.
  mv "$scratch/$name.key" "$name.key"
  mv "$scratch/$name.crt" "$name.crt"
  echo "made $directory/$name.crt, valid for $days days"
done
