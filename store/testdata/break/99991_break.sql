-- What older versions of Writ do not bear. Built in with the tag writ_break, for the test of upgrades.

-- +goose Up
CREATE TABLE broken (
    name TEXT NOT NULL PRIMARY KEY
);

-- +goose Down
DROP TABLE broken;
