/** An address that is broken before its @, if its line is too short. */
export const unbrokenDomain = (address: string) => address.split(/(?=@)/).flatMap((part) => [part, <wbr key={part} />]);
