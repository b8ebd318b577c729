package chronicle

// ParseWords is parseWords for tests.
var ParseWords = parseWords

// KeepTally is keepTally.
var KeepTally = (*Chronicles).keepTally
