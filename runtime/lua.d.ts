/** A Lua script is imported as its text: the bundler and the tests load it so. */
declare module "*.lua" {
  const text: string;
  export default text;
}
