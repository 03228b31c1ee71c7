-- Wrong passwords and secrets, counted by all replicas together. A key stands for an account, an address or both, and does not tell which.
-- additive

-- +goose Up
-- bucket is a minute, or 0 where failures count in a row.
CREATE TABLE failure_counts (
    key     TEXT   NOT NULL,
    bucket  BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    expires BIGINT NOT NULL,
    PRIMARY KEY (key, bucket)
);
CREATE INDEX failure_counts_expires ON failure_counts (expires);

CREATE TABLE throttle_waits (
    key     TEXT   NOT NULL PRIMARY KEY,
    expires BIGINT NOT NULL
);
CREATE INDEX throttle_waits_expires ON throttle_waits (expires);

-- +goose Down
DROP TABLE throttle_waits;
DROP TABLE failure_counts;
