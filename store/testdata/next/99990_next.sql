-- What the next version of Writ may do while this one runs. Built in with the tag writ_next, for the test of upgrades.
-- additive

-- +goose Up
ALTER TABLE users ADD COLUMN nickname TEXT NOT NULL DEFAULT '';
ALTER TABLE changes ADD COLUMN weight BIGINT;
CREATE TABLE nicknames (
    name TEXT NOT NULL PRIMARY KEY
);

-- +goose Down
DROP TABLE nicknames;
ALTER TABLE changes DROP COLUMN weight;
ALTER TABLE users DROP COLUMN nickname;
