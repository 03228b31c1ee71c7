package claims

import "strconv"

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
	if !is {
		return nil, false
	}
	status, entry := &Status{}, StatusListEntry{}
	if _, found := lookalike(mechanisms, []member{{name: "status_list"}}); found {
		return nil, false
	}
	list, present := mechanisms["status_list"]
	if !present {
		return status, true
	}
	members, is := list.(map[string]any)
	if !is {
		return nil, false
	}
	known := []member{{"idx", &entry.Index}, {"uri", &entry.URI}}
	for _, m := range known {
		if value, has := members[m.name]; !has || !m.set(value) {
			return nil, false
		}
	}
	if _, found := lookalike(members, known); found || entry.Index < 0 || entry.URI == "" {
		return nil, false
	}
	status.List = &entry
	return status, true
}

func (s *Status) appendJSON(dst []byte) []byte {
	dst = append(dst, `,"status":{`...)
	if s.List != nil {
		dst = strconv.AppendInt(append(dst, `"status_list":{"idx":`...), s.List.Index, 10)
		dst = append(appendText(append(dst, `,"uri":`...), s.List.URI), '}')
	}
	return append(dst, '}')
}
