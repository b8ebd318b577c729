package chronicle

// ParseWords is parseWords for tests.
var ParseWords = parseWords
