-- additive

-- +goose Up
CREATE TABLE portal_sessions (
    hash             BYTEA  NOT NULL PRIMARY KEY,
    admin_id         TEXT   NOT NULL REFERENCES admins (id) ON DELETE CASCADE,
    generation       BIGINT NOT NULL,
    password_changed BIGINT NOT NULL,
    source           TEXT   NOT NULL,
    agent            TEXT   NOT NULL,
    created          BIGINT NOT NULL,
    seen             BIGINT NOT NULL,
    proven           BIGINT NOT NULL,
    expires          BIGINT NOT NULL
);
CREATE INDEX portal_sessions_admin ON portal_sessions (admin_id, created);
CREATE INDEX portal_sessions_expires ON portal_sessions (expires);

-- +goose Down
DROP TABLE portal_sessions;
