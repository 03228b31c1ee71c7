-- +goose Up
CREATE TABLE users (
    id               TEXT    NOT NULL PRIMARY KEY,
    application_id   TEXT    NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    username         TEXT    NOT NULL,
    username_key     TEXT    NOT NULL,
    email            TEXT,
    email_key        TEXT,
    name             TEXT    NOT NULL,
    properties       TEXT    NOT NULL,
    password_hash    TEXT    NOT NULL,
    pin_hash         TEXT    NOT NULL,
    activated        BOOLEAN NOT NULL,
    confirmed        BOOLEAN NOT NULL,
    disabled         BOOLEAN NOT NULL,
    deactivated      BIGINT,
    generation       BIGINT  NOT NULL,
    password_changed BIGINT  NOT NULL,
    created          BIGINT  NOT NULL,
    modified         BIGINT  NOT NULL
);
CREATE UNIQUE INDEX users_username ON users (application_id, username_key);
CREATE UNIQUE INDEX users_email ON users (application_id, email_key) WHERE email_key IS NOT NULL;
CREATE INDEX users_created ON users (application_id, created, id);

CREATE TABLE roles (
    id             TEXT   NOT NULL PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    name           TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    inactivity     BIGINT NOT NULL,
    created        BIGINT NOT NULL,
    modified       BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (application_id, name);
CREATE INDEX roles_created ON roles (application_id, created, id);

CREATE TABLE groups (
    id             TEXT   NOT NULL PRIMARY KEY,
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    path           TEXT   NOT NULL,
    path_key       TEXT   NOT NULL,
    name           TEXT   NOT NULL,
    title          TEXT   NOT NULL,
    created        BIGINT NOT NULL,
    modified       BIGINT NOT NULL
);
CREATE UNIQUE INDEX groups_path ON groups (application_id, path_key);
CREATE INDEX groups_created ON groups (application_id, created, id);

CREATE TABLE group_members (
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    group_id       TEXT   NOT NULL REFERENCES groups (id) ON DELETE CASCADE,
    user_id        TEXT   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created        BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
);
CREATE INDEX group_members_user ON group_members (user_id);

-- holder_id is a user or a group, by holder_kind.
CREATE TABLE role_assignments (
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    role_id        TEXT   NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
    holder_kind    TEXT   NOT NULL,
    holder_id      TEXT   NOT NULL,
    created        BIGINT NOT NULL,
    PRIMARY KEY (role_id, holder_kind, holder_id)
);
CREATE INDEX role_assignments_holder ON role_assignments (holder_kind, holder_id);

-- holder_id is a role, a user or a group, by holder_kind.
CREATE TABLE permissions (
    application_id TEXT   NOT NULL REFERENCES applications (id) ON DELETE CASCADE,
    holder_kind    TEXT   NOT NULL,
    holder_id      TEXT   NOT NULL,
    rule           TEXT   NOT NULL,
    created        BIGINT NOT NULL,
    PRIMARY KEY (holder_kind, holder_id, rule)
);

-- +goose Down
DROP TABLE permissions;
DROP TABLE role_assignments;
DROP TABLE group_members;
DROP TABLE groups;
DROP TABLE roles;
DROP TABLE users;
