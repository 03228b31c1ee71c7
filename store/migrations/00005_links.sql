-- +goose Up
-- owner_id is an admin or a user, by owner_kind.
CREATE TABLE link_tokens (
    hash           BYTEA  NOT NULL PRIMARY KEY,
    purpose        TEXT   NOT NULL,
    owner_kind     TEXT   NOT NULL,
    owner_id       TEXT   NOT NULL,
    application_id TEXT,
    created        BIGINT NOT NULL,
    expires        BIGINT NOT NULL
);
CREATE INDEX link_tokens_owner ON link_tokens (owner_id);
CREATE INDEX link_tokens_expires ON link_tokens (expires);

-- +goose Down
DROP TABLE link_tokens;
