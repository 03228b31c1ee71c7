-- Status lists (draft-ietf-oauth-status-list-21): where the state of tokens that do not expire can be read. scope is the issuer, as in
-- denials; number counts its lists from 1. assigned is how many entries tokens have, or had.
-- additive

-- +goose Up
CREATE TABLE status_lists (
    id       TEXT   NOT NULL PRIMARY KEY,
    scope    TEXT   NOT NULL,
    number   BIGINT NOT NULL,
    size     BIGINT NOT NULL,
    salt     BYTEA  NOT NULL,
    assigned BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    UNIQUE (scope, number)
);

-- Tokens from before have no entry. The entry of a revoked token is never given to another.
ALTER TABLE registered_tokens ADD COLUMN status_list TEXT;
ALTER TABLE registered_tokens ADD COLUMN status_index BIGINT;
CREATE UNIQUE INDEX registered_tokens_status ON registered_tokens (status_list, status_index) WHERE status_list IS NOT NULL;
CREATE INDEX registered_tokens_status_revoked ON registered_tokens (status_list, status_index)
    WHERE status_list IS NOT NULL AND revoked IS NOT NULL;

-- +goose Down
DROP INDEX registered_tokens_status_revoked;
DROP INDEX registered_tokens_status;
ALTER TABLE registered_tokens DROP COLUMN status_index;
ALTER TABLE registered_tokens DROP COLUMN status_list;
DROP TABLE status_lists;
