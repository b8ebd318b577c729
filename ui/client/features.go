package client

// Feature is a pane that a client can show.
type Feature struct {
	Key            string `json:"key"`
	Label          string `json:"label"`
	Icon           string `json:"icon"`  // its name in Lucide
	Scope          string `json:"scope"` // session, user, admin
	Enabled        bool   `json:"enabled"`
	DefaultEnabled bool   `json:"default_enabled"`
	AdminOnly      bool   `json:"admin_only"`
	Order          int    `json:"order"`
}

// FeaturePreference is how somebody arranged a pane.
type FeaturePreference struct {
	FeatureKey string `json:"feature_key"`
	Visible    bool   `json:"visible"`
	SortOrder  int    `json:"sort_order"`
}

// ProviderRepo is a repository that a provider lists.
type ProviderRepo struct {
	Provider      string   `json:"provider"`
	Org           string   `json:"org"`
	Name          string   `json:"name"`
	URL           string   `json:"url"`
	CloneURL      string   `json:"clone_url"`
	DefaultBranch string   `json:"default_branch"`
	Branches      []string `json:"branches"`
}
