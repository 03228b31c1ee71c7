-- What somebody did, and what was done to him: pages ask for it, and the trail is long. The number is the order that it is shown in.
-- additive

-- +goose Up
CREATE INDEX audit_events_actor ON audit_events (actor_id, seq);
CREATE INDEX audit_events_target ON audit_events (target_id, seq);

-- +goose Down
DROP INDEX audit_events_target;
DROP INDEX audit_events_actor;
