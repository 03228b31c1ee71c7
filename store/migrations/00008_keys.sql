-- The key that signed a registered token; empty for tokens from before, which the oldest key for non-expiring tokens signed.
-- additive

-- +goose Up
ALTER TABLE registered_tokens ADD COLUMN kid TEXT NOT NULL DEFAULT '';
CREATE INDEX registered_tokens_kid ON registered_tokens (kid, issued, jti);

-- +goose Down
DROP INDEX registered_tokens_kid;
ALTER TABLE registered_tokens DROP COLUMN kid;
