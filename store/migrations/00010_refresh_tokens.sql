-- The token that followed a used one, so that a retry of the same client can have it replaced (refresh-grace). A token that a retry has
-- replaced is used and has no successor.
-- additive

-- +goose Up
ALTER TABLE refresh_tokens ADD COLUMN successor BYTEA;

-- +goose Down
ALTER TABLE refresh_tokens DROP COLUMN successor;
