-- Imports of users by the portal. There is one for each application; what was uploaded is sealed, and gone when it has been read.
-- additive

-- +goose Up
CREATE TABLE user_imports (
    application_id   TEXT    NOT NULL PRIMARY KEY REFERENCES applications (id) ON DELETE CASCADE,
    id               TEXT    NOT NULL,
    organization_id  TEXT    NOT NULL,
    application_name TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    on_conflict      TEXT    NOT NULL,
    trusted          BOOLEAN NOT NULL,
    file             TEXT    NOT NULL,
    size             BIGINT  NOT NULL,
    parts            BIGINT  NOT NULL,
    admin_id         TEXT    NOT NULL,
    admin_name       TEXT    NOT NULL,
    source           TEXT    NOT NULL,
    holder           TEXT    NOT NULL,
    lease            BIGINT  NOT NULL,
    done             BIGINT  NOT NULL,
    progress         TEXT    NOT NULL,
    problem          TEXT    NOT NULL,
    created          BIGINT  NOT NULL,
    modified         BIGINT  NOT NULL,
    expires          BIGINT  NOT NULL
);
CREATE UNIQUE INDEX user_imports_id ON user_imports (id);
CREATE INDEX user_imports_state ON user_imports (state, created);
CREATE INDEX user_imports_expires ON user_imports (expires);

CREATE TABLE user_import_parts (
    import_id TEXT   NOT NULL REFERENCES user_imports (id) ON DELETE CASCADE,
    part      BIGINT NOT NULL,
    sealed    BYTEA  NOT NULL,
    PRIMARY KEY (import_id, part)
);

CREATE TABLE user_import_refusals (
    import_id TEXT   NOT NULL REFERENCES user_imports (id) ON DELETE CASCADE,
    line      BIGINT NOT NULL,
    refusal   TEXT   NOT NULL,
    PRIMARY KEY (import_id, line)
);

-- +goose Down
DROP TABLE user_import_refusals;
DROP TABLE user_import_parts;
DROP TABLE user_imports;
