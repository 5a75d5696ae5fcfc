/** Folders of servers that tests start carry this and the pid of who started them: a later run removes those left. */
export const testFolderPrefix = 'onetill-test-run-';
