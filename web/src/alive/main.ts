// A script of its own, so that it runs where that of the page does not.
import { watchPage } from "./watchdog";

watchPage();
