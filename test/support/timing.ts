// What a test in real time may take for lateness, and not for a fault.

/**
 * How much later than promised an answer may be seen: the app, the local parts and the client that measures share two
 * cores with other test files. Deadlines to the millisecond are held by unit tests on a fake clock; here an answer at
 * its deadline is told apart from one that waits for something else, which takes seconds more.
 */
export const lateMs = 1500;
