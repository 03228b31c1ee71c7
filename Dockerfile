# One static binary in an empty image: no shell, no package manager, nothing to update but Writ itself.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# SQLite needs cgo. netgo and osusergo take name look-ups from Go, and SQLite does without loadable extensions: nothing
# that is left wants a shared library.
RUN CGO_ENABLED=1 go build -trimpath -buildvcs=false -tags netgo,osusergo,sqlite_omit_load_extension \
      -ldflags '-s -w -extldflags=-static' -o /out/writ ./cmd/writ \
 && /out/writ version \
 && install -d -m 0700 /out/data

FROM scratch
# For mail servers and other peers behind TLS.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/writ /writ
# The numbers of nobody on most systems; a volume made from the image inherits owner and mode.
COPY --from=build --chown=65532:65532 /out/data /data
COPY LICENSE /LICENSE
USER 65532:65532
WORKDIR /data
VOLUME /data
# Beyond loopback Writ wants WRIT_TLS_CERT and WRIT_TLS_KEY, WRIT_TRUSTED_PROXIES, or WRIT_INSECURE_PLAIN_HTTP=on.
ENV WRIT_LISTEN=0.0.0.0:8080 \
    WRIT_DATA_DIR=/data \
    WRIT_LOG_FORMAT=json
EXPOSE 8080
# Exit code 0 if /readyz answers 200 at the address of WRIT_LISTEN.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/writ", "healthcheck"]
ENTRYPOINT ["/writ"]
CMD ["serve"]
