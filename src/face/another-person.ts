/** Descriptors this far apart are taken for two people, as the network was trained. */
export const anotherPersonFrom = 0.6;
