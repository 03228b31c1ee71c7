#!/bin/sh
# Makes what the cluster of docker-compose.yml keeps secret: once, and never twice. Nothing has a default.
#
#   secrets.sh FOLDER
#
# writes FOLDER/postgres/password, FOLDER/writ/master.key, FOLDER/writ/writ.toml, FOLDER/tls/cert.pem and FOLDER/tls/key.pem (self-signed,
# for NAME, localhost by default). To use another certificate, put it there. Keep a copy of writ/master.key elsewhere: without it the
# database is worth nothing.
set -eu
umask 077
folder=$1
name=${NAME:-localhost}

mkdir -p "$folder/postgres" "$folder/writ" "$folder/tls"
[ -s "$folder/postgres/password" ] || openssl rand -hex 24 >"$folder/postgres/password"
[ -s "$folder/writ/master.key" ] || openssl rand -base64 32 >"$folder/writ/master.key"
[ -s "$folder/writ/writ.toml" ] || cat >"$folder/writ/writ.toml" <<EOF
# Made by secrets.sh. Everything that is no secret stands in docker-compose.yml.
database = "postgres://writ:$(cat "$folder/postgres/password")@postgres:5432/writ?sslmode=disable"
master-key-file = "/secrets/writ/master.key"
EOF
[ -s "$folder/tls/cert.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 365 -subj "/CN=$name" \
  -addext "subjectAltName=DNS:$name,DNS:localhost,IP:127.0.0.1" -keyout "$folder/tls/key.pem" -out "$folder/tls/cert.pem" 2>/dev/null

# Each container runs as somebody else.
if [ "$(id -u)" = 0 ]; then
  chown -R 65532:65532 "$folder/writ"
  chown -R 70:70 "$folder/postgres"
fi
