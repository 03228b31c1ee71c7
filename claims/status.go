package claims

import (
	"encoding/json"
	"slices"
	"strconv"
)

// Status says where the state of a token can be read: draft-ietf-oauth-status-list-21 §6.1. Writ gives it to tokens that do not expire.
type Status struct {
	// List is nil if the token names only mechanisms that Writ does not know.
	List *StatusListEntry `json:"status_list,omitempty"`
}

// StatusListEntry is one entry of a status list: §6.2 there.
type StatusListEntry struct {
	Index int64  `json:"idx"` // never negative
	URI   string `json:"uri"` // of the list, equal to its sub; never empty
}

// StatusListType is the JOSE header typ of a status list, §5.1 there. Such a document is never an access token.
const StatusListType = "statuslist+jwt"

// readStatus takes a decoded status claim. Members of other mechanisms are ignored, those of ours are as strict as claims are.
func readStatus(value any) (*Status, bool) {
	mechanisms, is := value.(map[string]any)
	if !is || anyLookalike(mechanisms, "status_list") {
		return nil, false
	}
	list, present := mechanisms["status_list"]
	if !present {
		return &Status{}, true
	}
	members, is := list.(map[string]any)
	if !is || anyLookalike(members, "idx", "uri") {
		return nil, false
	}
	number, isNumber := members["idx"].(json.Number)
	uri, isText := members["uri"].(string)
	index, err := strconv.ParseInt(number.String(), 10, 64)
	if !isNumber || !isText || err != nil || index < 0 || uri == "" {
		return nil, false
	}
	return &Status{List: &StatusListEntry{Index: index, URI: uri}}, true
}

func anyLookalike(members map[string]any, known ...string) bool {
	for name := range members {
		if !slices.Contains(known, name) && lookalike(name, known) {
			return true
		}
	}
	return false
}

func (s *Status) appendJSON(dst []byte) []byte {
	dst = append(dst, `,"status":{`...)
	if s.List != nil {
		dst = strconv.AppendInt(append(dst, `"status_list":{"idx":`...), s.List.Index, 10)
		dst = append(appendText(append(dst, `,"uri":`...), s.List.URI), '}')
	}
	return append(dst, '}')
}
