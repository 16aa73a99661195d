SELECT
  `t9`.`item`,
  `t9`.`measure`,
  `t9`.`key`,
  `t9`.`period`,
  SHIFTRIGHT(`t9`.`found`, 34) AS `peak`,
  `t9`.`found` & 17179869183 AS `last`
FROM (
  SELECT
    `t8`.`item`,
    `t8`.`measure`,
    `t8`.`key`,
    `t8`.`period`,
    MAX(`t8`.`found`) AS `found`
  FROM (
    SELECT
      `t7`.`report`,
      `t7`.`tenant`,
      `t7`.`group`,
      `t7`.`item`,
      `t7`.`measure`,
      `t7`.`start`,
      `t7`.`peak`,
      `t7`.`last`,
      `t7`.`key`,
      `t7`.`period`,
      `t7`.`since`,
      `t7`.`until`,
      (
        SHIFTLEFT(`t7`.`peak`, 34)
      ) | `t7`.`last` AS `found`
    FROM (
      SELECT
        `t6`.`report`,
        `t6`.`tenant`,
        `t6`.`group`,
        `t6`.`item`,
        `t6`.`measure`,
        `t6`.`start`,
        `t6`.`peak`,
        `t6`.`last`,
        `t3`.`key`,
        `t4`.`period`,
        `t4`.`since`,
        `t4`.`until`
      FROM (
        SELECT
          *
        FROM `closed` AS `t0`
        WHERE
          `t0`.`report` = 'tenant' AND `t0`.`item` IN ('Genesys E-Mail')
      ) AS `t6`
      INNER JOIN `passed_in_1` AS `t3`
        ON `t6`.`tenant` = `t3`.`tenant` AND `t6`.`group` = `t3`.`group`
      INNER JOIN `passed_in_2` AS `t4`
        ON `t6`.`start` >= `t4`.`since` AND `t6`.`start` < `t4`.`until`
    ) AS `t7`
  ) AS `t8`
  GROUP BY
    1,
    2,
    3,
    4
) AS `t9`
