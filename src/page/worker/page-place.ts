/** Where the page is: the worker's script lies in a folder of it. */
export const pagePlace = new URL(import.meta.env.DEV ? '/' : '../', self.location.href);
