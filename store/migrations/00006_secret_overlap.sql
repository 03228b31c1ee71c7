-- A client's former secret, which stays valid beside the new one until previous_expires (ms; 0: there is none).

-- +goose Up
ALTER TABLE clients ADD COLUMN previous_hash BYTEA;
ALTER TABLE clients ADD COLUMN previous_sealed BYTEA;
ALTER TABLE clients ADD COLUMN previous_created BIGINT NOT NULL DEFAULT 0;
ALTER TABLE clients ADD COLUMN previous_expires BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE clients DROP COLUMN previous_expires;
ALTER TABLE clients DROP COLUMN previous_created;
ALTER TABLE clients DROP COLUMN previous_sealed;
ALTER TABLE clients DROP COLUMN previous_hash;
