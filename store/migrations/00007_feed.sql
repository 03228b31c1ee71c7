-- additive

-- +goose Up
-- Subjects whose claims changed while older tokens live: users whose roles or groups did (scope: their application), admins who joined or
-- left an organization (scope: the organization). seq is the last change of the transaction that wrote the row; 0 until its end.
CREATE TABLE claim_changes (
    scope   TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    seq     BIGINT NOT NULL,
    expires BIGINT,
    PRIMARY KEY (scope, subject)
);
CREATE INDEX claim_changes_seq ON claim_changes (scope, seq, subject);
CREATE INDEX claim_changes_expires ON claim_changes (expires) WHERE expires IS NOT NULL;
CREATE INDEX claim_changes_open ON claim_changes (seq) WHERE seq = 0;

-- The newest change of the rules in an application.
CREATE TABLE policies (
    application_id TEXT   NOT NULL PRIMARY KEY,
    seq            BIGINT NOT NULL
);
INSERT INTO policies (application_id, seq) SELECT id, (SELECT seq FROM change_head WHERE change_head.id = 1) FROM applications;

-- The feed reads the denials of one issuer.
CREATE INDEX denied_tokens_scope ON denied_tokens (scope);
CREATE INDEX denied_subjects_scope ON denied_subjects (scope);

-- +goose Down
DROP INDEX denied_subjects_scope;
DROP INDEX denied_tokens_scope;
DROP TABLE policies;
DROP TABLE claim_changes;
