-- +goose Up
CREATE TABLE denied_tokens (
    jti     TEXT   NOT NULL PRIMARY KEY,
    scope   TEXT   NOT NULL,
    expires BIGINT,
    created BIGINT NOT NULL
);
CREATE INDEX denied_tokens_expires ON denied_tokens (expires) WHERE expires IS NOT NULL;

-- A subject outlives its own row: a deleted user stays denied.
CREATE TABLE denied_subjects (
    subject    TEXT   NOT NULL PRIMARY KEY,
    scope      TEXT   NOT NULL,
    generation BIGINT NOT NULL,
    expires    BIGINT,
    created    BIGINT NOT NULL
);
CREATE INDEX denied_subjects_expires ON denied_subjects (expires) WHERE expires IS NOT NULL;

CREATE TABLE registered_tokens (
    jti             TEXT   NOT NULL PRIMARY KEY,
    subject         TEXT   NOT NULL,
    level           TEXT   NOT NULL,
    organization_id TEXT,
    application_id  TEXT,
    organization    TEXT   NOT NULL,
    application     TEXT   NOT NULL,
    label           TEXT   NOT NULL,
    generation      BIGINT NOT NULL,
    issued          BIGINT NOT NULL,
    issued_by       TEXT   NOT NULL,
    issued_from     TEXT   NOT NULL,
    revoked         BIGINT
);
CREATE INDEX registered_tokens_subject ON registered_tokens (subject, issued, jti);
CREATE INDEX registered_tokens_application ON registered_tokens (application_id, issued, jti);
CREATE INDEX registered_tokens_organization ON registered_tokens (organization_id, issued, jti);

CREATE TABLE refresh_tokens (
    hash           BYTEA  NOT NULL PRIMARY KEY,
    family         TEXT   NOT NULL,
    application_id TEXT   NOT NULL,
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id      TEXT   NOT NULL,
    scope          TEXT   NOT NULL,
    generation     BIGINT NOT NULL,
    created        BIGINT NOT NULL,
    expires        BIGINT NOT NULL,
    used           BIGINT
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_user ON refresh_tokens (user_id);
CREATE INDEX refresh_tokens_application ON refresh_tokens (application_id);
CREATE INDEX refresh_tokens_expires ON refresh_tokens (expires);

CREATE TABLE signing_keys (
    kid     TEXT   NOT NULL PRIMARY KEY,
    alg     TEXT   NOT NULL,
    purpose TEXT   NOT NULL,
    state   TEXT   NOT NULL,
    public  BYTEA  NOT NULL,
    sealed  BYTEA  NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL
);

-- +goose Down
DROP TABLE signing_keys;
DROP TABLE refresh_tokens;
DROP TABLE registered_tokens;
DROP TABLE denied_subjects;
DROP TABLE denied_tokens;
