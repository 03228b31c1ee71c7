-- +goose Up
CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

-- One row. Its lock is what makes the order of seq the order of commit.
CREATE TABLE change_head (
    id    BIGINT NOT NULL PRIMARY KEY,
    seq   BIGINT NOT NULL,
    epoch TEXT   NOT NULL
);
INSERT INTO change_head (id, seq, epoch) VALUES (1, 0, '');

CREATE TABLE changes (
    seq    BIGINT NOT NULL PRIMARY KEY,
    at     BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    key    TEXT   NOT NULL,
    detail TEXT   NOT NULL
);
CREATE INDEX changes_at ON changes (at);

-- Names stay taken by tombstones: they stand in tokens and must stay unambiguous.
CREATE TABLE organizations (
    id                    TEXT   NOT NULL PRIMARY KEY,
    name                  TEXT   NOT NULL,
    properties            TEXT   NOT NULL,
    password_history_size BIGINT NOT NULL,
    created               BIGINT NOT NULL,
    modified              BIGINT NOT NULL,
    deleted               BIGINT
);
CREATE UNIQUE INDEX organizations_name ON organizations (name);
CREATE INDEX organizations_created ON organizations (created, id);

CREATE TABLE applications (
    id              TEXT   NOT NULL PRIMARY KEY,
    organization_id TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name            TEXT   NOT NULL,
    settings        TEXT   NOT NULL,
    properties      TEXT   NOT NULL,
    longest_ttl     BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    modified        BIGINT NOT NULL,
    deleted         BIGINT
);
CREATE UNIQUE INDEX applications_name ON applications (organization_id, name);

CREATE TABLE clients (
    id             TEXT   NOT NULL PRIMARY KEY,
    kind           TEXT   NOT NULL,
    secret_hash    BYTEA,
    secret_sealed  BYTEA,
    secret_created BIGINT NOT NULL,
    generation     BIGINT NOT NULL
);

CREATE TABLE admins (
    id               TEXT    NOT NULL PRIMARY KEY,
    username         TEXT    NOT NULL,
    username_key     TEXT    NOT NULL,
    email            TEXT    NOT NULL,
    email_key        TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    properties       TEXT    NOT NULL,
    password_hash    TEXT    NOT NULL,
    activated        BOOLEAN NOT NULL,
    confirmed        BOOLEAN NOT NULL,
    disabled         BOOLEAN NOT NULL,
    superuser        BOOLEAN NOT NULL,
    generation       BIGINT  NOT NULL,
    password_changed BIGINT  NOT NULL,
    created          BIGINT  NOT NULL,
    modified         BIGINT  NOT NULL
);
CREATE UNIQUE INDEX admins_username ON admins (username_key);
CREATE UNIQUE INDEX admins_email ON admins (email_key) WHERE email_key <> '';
CREATE UNIQUE INDEX admins_superuser ON admins (superuser) WHERE superuser;

CREATE TABLE memberships (
    admin_id        TEXT   NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    organization_id TEXT   NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    created         BIGINT NOT NULL,
    PRIMARY KEY (admin_id, organization_id)
);
CREATE INDEX memberships_organization ON memberships (organization_id);

-- owner_id is an admin or a user.
CREATE TABLE past_passwords (
    id       TEXT   NOT NULL PRIMARY KEY,
    owner_id TEXT   NOT NULL,
    hash     TEXT   NOT NULL,
    created  BIGINT NOT NULL
);
CREATE INDEX past_passwords_owner ON past_passwords (owner_id, created, id);

-- +goose Down
DROP TABLE past_passwords;
DROP TABLE memberships;
DROP TABLE admins;
DROP TABLE clients;
DROP TABLE applications;
DROP TABLE organizations;
DROP TABLE changes;
DROP TABLE change_head;
DROP TABLE meta;
