-- +goose Up
-- Entries outlive what they tell of, so nothing refers to other tables.
CREATE TABLE audit_events (
    seq             BIGINT NOT NULL PRIMARY KEY,
    at              BIGINT NOT NULL,
    action          TEXT   NOT NULL,
    result          TEXT   NOT NULL,
    code            TEXT   NOT NULL,
    count           BIGINT NOT NULL,
    organization_id TEXT,
    application_id  TEXT,
    organizations   TEXT   NOT NULL,
    actor_id        TEXT,
    actor_name      TEXT   NOT NULL,
    actor_level     TEXT   NOT NULL,
    target_kind     TEXT   NOT NULL,
    target_id       TEXT   NOT NULL,
    target_name     TEXT   NOT NULL,
    source          TEXT   NOT NULL,
    detail          TEXT   NOT NULL,
    hash            BYTEA  NOT NULL
);

-- Who sees which entry: audit_events.organizations, made searchable.
CREATE TABLE audit_organizations (
    organization_id TEXT   NOT NULL,
    seq             BIGINT NOT NULL REFERENCES audit_events (seq) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, seq)
);
CREATE INDEX audit_organizations_seq ON audit_organizations (seq);

-- One row: the end of the chain (seq, hash), and what the oldest kept entry continues (before, anchor).
CREATE TABLE audit_head (
    id     BIGINT NOT NULL PRIMARY KEY,
    seq    BIGINT NOT NULL,
    hash   BYTEA  NOT NULL,
    before BIGINT NOT NULL,
    anchor BYTEA  NOT NULL
);
INSERT INTO audit_head (id, seq, hash, before, anchor) VALUES (1, 0, '', 0, '');

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit_organizations;
DROP TABLE audit_events;
